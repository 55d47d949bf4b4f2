"""What the configuration says about probes."""

from collections.abc import Sequence
from typing import NamedTuple

from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_contract.address import Address


class ProbeSettings(NamedTuple):
    """What may be asked, how often, and who answers questions about the network."""

    allowed: bool = True
    per_minute: int = 600
    """For each caller."""
    rules: NetworkRules = NetworkRules()
    socket_directories: Sequence[str] = ()
    """Absolute paths."""
    prober: Address | None = None
    """A process apart that answers questions about the network; None is this process itself."""


DEFAULTS = ProbeSettings()
