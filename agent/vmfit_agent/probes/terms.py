"""On what terms a question is answered."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from vmfit_agent.host import Host
from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_contract.access import Caller

LOOK_SECONDS = 0.25
"""How often what waits looks whether its caller is gone."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a question's answer may take and touch."""

    host: Host
    rules: NetworkRules
    caller: Caller
    seconds: float
    """The answer's time, counted from when the terms were made."""
    socket_directories: Sequence[str] = ()
    """Where servers' unix sockets may be connected to, beside the usual directories."""
    began_at: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Return the seconds that are left, and a little when none are."""
        return max(self.began_at + self.seconds - time.monotonic(), 0.01)
