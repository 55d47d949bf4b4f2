"""Options that say where the agent is served, and with which certificate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from vmfit_agent.commands.options import DEFAULT_LISTEN, AddressOption

Function = TypeVar("Function", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path, dir_okay=False)


def network_options(function: Function) -> Function:
    """Add --listen, --tls-cert, --tls-key, --tls-ca and --insecure."""
    for decorate in (
        click.option(
            "--insecure",
            is_flag=True,
            envvar="VMFIT_AGENT_INSECURE",
            help="Serve plain text over the network, to anybody.",
        ),
        click.option(
            "--tls-ca",
            envvar="VMFIT_AGENT_TLS_CA",
            metavar="FILE",
            type=_FILE,
            help="The authority of the clients' certificates, PEM.",
        ),
        click.option(
            "--tls-key",
            envvar="VMFIT_AGENT_TLS_KEY",
            metavar="FILE",
            type=_FILE,
            help="The certificate's key, PEM.",
        ),
        click.option(
            "--tls-cert",
            envvar="VMFIT_AGENT_TLS_CERT",
            metavar="FILE",
            type=_FILE,
            help="This agent's certificate chain, PEM.  [default: libvirt's]",
        ),
        click.option(
            "--listen",
            default=DEFAULT_LISTEN,
            envvar="VMFIT_AGENT_LISTEN",
            metavar="ADDRESS",
            show_default=True,
            type=AddressOption(),
            help="host:port, [IPv6]:port or unix:PATH.",
        ),
    ):
        function = decorate(function)
    return function
