"""vmfit-agent probe: questions about the network, asked by a process that can do nothing else."""

import logging
from pathlib import Path

import click

from vmfit_agent.collect_socket.self_check import answers_itself
from vmfit_agent.collect_socket.server import SocketServer
from vmfit_agent.commands.inherited_socket import inherited_socket
from vmfit_agent.commands.options import listen_failure
from vmfit_agent.commands.probe_options import PROBE_PARAMETERS, probe_options, probe_settings
from vmfit_agent.commands.reload import Parameters, reloader
from vmfit_agent.commands.restartable import restartable
from vmfit_agent.host import Host
from vmfit_agent.probes.network_service import NetworkProbes
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_agent.process_memory import limit_heaps
from vmfit_contract.address import Address
from vmfit_contract.command_line.commands import Command
from vmfit_contract.listening import ListenError
from vmfit_contract.service_life import ANSWER_SECONDS, live
from vmfit_contract.service_manager import ServiceManager
from vmfit_contract.settings_file import Settings
from vmfit_contract.stop_signal import signals

_LOG = logging.getLogger(__name__)
DEFAULT_SOCKET = "/run/vmfit/probe.sock"


@click.command("probe", cls=Command)
@click.option(
    "--socket",
    "prober_socket",
    envvar="VMFIT_AGENT_PROBER_SOCKET",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help=f"Answer on this unix socket.  [default: the one of --prober, else {DEFAULT_SOCKET}]",
)
@probe_options
@click.pass_context
@restartable()
def command(ctx: click.Context, *, prober_socket: Path | None, probing: ProbeSettings) -> int:
    """Answer questions about the network for a collect process on this host.

    Needs no privileges: it resolves names, connects to ports, listens on ports of migrations and
    opens network disks, as its settings allow. Listens on a unix socket only, which its owner and
    group may open; on systemd's, if it has opened one.
    """
    manager = ServiceManager()
    limit_heaps()
    usual = probing.prober.path if probing.prober is not None else DEFAULT_SOCKET
    with signals() as told:
        calls = NetworkProbes(Host(), probing)
        server = SocketServer(calls)
        try:
            address = server.start(Address(path=str(prober_socket or usual)), inherited_socket())
        except ListenError as error:
            raise listen_failure(error) from None
        status = f"answering questions about the network on {address}"
        _LOG.info("%s", status)
        manager.ready(status)

        def change(_: Settings, parameters: Parameters) -> None:
            changed = probe_settings(parameters)
            calls.probe_with(changed)
            calls.allow_probes(allowed=changed.allowed)

        live(
            manager,
            told,
            status=lambda: status,
            reload=reloader(ctx, PROBE_PARAMETERS, change),
            makes_progress=lambda: answers_itself(address, ANSWER_SECONDS),
        )
        server.stop()
    return 0
