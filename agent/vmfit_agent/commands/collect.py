"""vmfit-agent collect: the privileged side of the agent, which only the socket's group reaches."""

import functools
import logging
from pathlib import Path

import click

from vmfit_agent.collect_socket.self_check import answers_itself
from vmfit_agent.collect_socket.server import SocketServer
from vmfit_agent.commands.inherited_socket import inherited_socket
from vmfit_agent.commands.mask_options import Hashes, hash_options
from vmfit_agent.commands.options import (
    DEFAULT_SOCKET,
    content_option,
    host_options,
    listen_failure,
)
from vmfit_agent.commands.probe_options import PROBE_PARAMETERS, probe_options, probe_settings
from vmfit_agent.commands.reload import Parameters, reloader
from vmfit_agent.commands.restartable import restartable
from vmfit_agent.host_metadata import host_metadata
from vmfit_agent.live_source import collect_first, live_source
from vmfit_agent.local_host import HostOptions, prober
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_agent.process_memory import limit_heaps
from vmfit_agent.process_rights import keep_from_programs
from vmfit_agent.sources.in_process import InProcess
from vmfit_contract.address import Address
from vmfit_contract.command_line.commands import Command
from vmfit_contract.listening import ListenError
from vmfit_contract.parts import PART_NAMES
from vmfit_contract.service_life import ANSWER_SECONDS, live
from vmfit_contract.service_manager import ServiceManager
from vmfit_contract.settings_file import Settings
from vmfit_contract.stop_signal import signals

_LOG = logging.getLogger(__name__)


@click.command("collect", cls=Command)
@click.option(
    "--socket",
    default=DEFAULT_SOCKET,
    envvar="VMFIT_AGENT_SOCKET",
    metavar="PATH",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Answer on this unix socket.",
)
@probe_options
@content_option
@host_options
@hash_options
@click.pass_context
@restartable()
def command(
    ctx: click.Context,
    *,
    socket: Path,
    probing: ProbeSettings,
    content_directory: tuple[str, ...],
    root: Path,
    libvirt_uri: tuple[str, ...],
    attributes: Path,
    hashes: Hashes,
) -> int:
    """Collect facts with privileges, for a serve process on this host.

    Listens on a unix socket alone, which its owner and group may open; on systemd's, if it has
    opened one.
    """
    manager = ServiceManager()
    keep_from_programs()
    limit_heaps()
    with signals() as told:
        host = HostOptions(root, libvirt_uri, attributes, content_directory).open()
        source = live_source(host, probing)
        calls = host_metadata(source, hashes(), probes=probing.allowed)
        server = SocketServer(calls)
        try:
            address = server.start(Address(path=str(socket)), inherited_socket())
        except ListenError as error:
            raise listen_failure(error) from None
        _LOG.info("collecting for %s", address)
        status = functools.partial(_status, source, address)
        collect_first(source, lambda: manager.ready(status()))

        def change(_: Settings, parameters: Parameters) -> None:
            changed = probe_settings(parameters)
            source.probe_with(prober(host, changed, source.describe_vm))
            calls.allow_probes(allowed=changed.allowed)
            host.tell_of(parameters["content_directory"])

        live(
            manager,
            told,
            status=status,
            reload=reloader(ctx, (*PROBE_PARAMETERS, "content_directory"), change),
            makes_progress=lambda: answers_itself(address, ANSWER_SECONDS),
        )
        server.stop()
    return 0


def _status(source: InProcess, address: Address) -> str:
    missing = source.missing()
    told = f"; not collected: {', '.join(missing)}" if missing else ""
    return f"{len(PART_NAMES) - len(missing)} of {len(PART_NAMES)} parts for {address.path}{told}"
