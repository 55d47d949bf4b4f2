"""The options that say what may be asked of this host, how often, and who answers."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

import click

from vmfit_agent.commands.options import AddressOption
from vmfit_agent.probes.host_patterns import HostPattern, parse_pattern
from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_agent.probes.port_ranges import parse_ports
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_contract.address import Address

Function = TypeVar("Function", bound=Callable[..., Any])


class PortsOption(click.ParamType[range]):
    """A port, or a range of them."""

    name = "ports"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        """Parse what was typed."""
        if isinstance(value, range):
            return value
        try:
            return parse_ports(str(value))
        except ValueError as error:
            self.fail(f"{str(value)[:100]!r}: {error}", param, ctx)


class HostOption(click.ParamType[HostPattern]):
    """A host's name with * and ?, an address or a network."""

    name = "host"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> HostPattern:
        """Parse what was typed."""
        if isinstance(value, HostPattern):
            return value
        try:
            return parse_pattern(str(value))
        except ValueError as error:
            self.fail(f"{str(value)[:100]!r}: {error}", param, ctx)


_OPTIONS = (
    click.option(
        "--prober",
        envvar="VMFIT_AGENT_PROBER",
        metavar="unix:PATH",
        type=AddressOption(),
        help="Hand questions about the network on to 'vmfit-agent probe' there.",
    ),
    click.option(
        "--probe-socket-directory",
        "probe_socket_directories",
        envvar="VMFIT_AGENT_PROBE_SOCKET_DIRECTORIES",
        metavar="DIR",
        multiple=True,
        help="Disks' servers may be asked at unix sockets below this directory, too.",
    ),
    click.option(
        "--probe-host",
        "probe_hosts",
        envvar="VMFIT_AGENT_PROBE_HOSTS",
        metavar="HOST",
        multiple=True,
        type=HostOption(),
        help="Of the hosts that a migration names ask only such names (*.example), or networks.",
    ),
    click.option(
        "--probe-port",
        "probe_ports",
        envvar="VMFIT_AGENT_PROBE_PORTS",
        metavar="PORT[-LAST]",
        multiple=True,
        type=PortsOption(),
        help="Ask such a port, too, beside those of libvirt, migrations and disks' servers.",
    ),
    click.option(
        "--probes-per-minute",
        default=600,
        envvar="VMFIT_AGENT_PROBES_PER_MINUTE",
        metavar="COUNT",
        help="Answer each caller at most so many probes a minute.",
        show_default=True,
        type=click.IntRange(1, 1_000_000),
    ),
)
_PROBES = click.option(
    "--probes/--no-probes",
    default=True,
    envvar="VMFIT_AGENT_PROBES",
    help="Answer probes: names, ports, disks, paths and blocks of this host.",
    show_default=True,
)


PROBE_PARAMETERS = (
    "probes",
    "probes_per_minute",
    "probe_ports",
    "probe_hosts",
    "probe_socket_directories",
    "prober",
)
"""The parameters that the options set."""


def probe_options(function: Function) -> Function:
    """Add the options, and give the command what they say as `probing`."""

    @wraps(function)
    def command(*arguments: object, **parameters: object) -> object:
        probing = probe_settings(parameters)
        others = {name: each for name, each in parameters.items() if name not in PROBE_PARAMETERS}
        return function(*arguments, probing=probing, **others)

    decorated: Any = command
    for decorate in (*_OPTIONS, _PROBES):
        decorated = decorate(decorated)
    return decorated  # type: ignore[no-any-return]


def probe_settings(parameters: Mapping[str, Any]) -> ProbeSettings:
    """Return what a command's parameters say; raises UsageError."""
    prober: Address | None = parameters["prober"]
    if prober is not None and not prober.is_unix:
        raise click.UsageError(f"--prober {prober}: must be unix:PATH")
    for each in parameters["probe_socket_directories"]:
        if not each.startswith("/"):
            raise click.UsageError(f"--probe-socket-directory {each}: must be absolute")
    return ProbeSettings(
        parameters["probes"],
        parameters["probes_per_minute"],
        NetworkRules(parameters["probe_ports"], parameters["probe_hosts"]),
        parameters["probe_socket_directories"],
        prober,
    )
