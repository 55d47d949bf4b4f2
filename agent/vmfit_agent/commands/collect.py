"""vmfit-agent collect: the privileged side of the agent, which only the socket's group reaches."""

import logging
import threading
from pathlib import Path

import click

from vmfit_agent.collect_socket.server import SocketServer
from vmfit_agent.commands.options import DEFAULT_SOCKET, CommandError, host_options, probe_options
from vmfit_agent.events import follow_kernel
from vmfit_agent.listening import ListenError, run_until_told
from vmfit_agent.local_host import HostOptions, local_source
from vmfit_agent.parts import PART_NAMES
from vmfit_agent.process_memory import limit_heaps, settle
from vmfit_agent.service import HostMetadata
from vmfit_agent.sources.in_process import InProcess
from vmfit_agent.virtualization.libvirt_events import follow_libvirt
from vmfit_contract.address import Address

_LOG = logging.getLogger(__name__)


@click.command("collect")
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
@host_options
def command(
    *,
    socket: Path,
    probes: bool,
    probes_per_minute: int,
    root: Path,
    libvirt_uri: tuple[str, ...],
    attributes: Path,
) -> int:
    """Collect facts with privileges, for a serve process on this host.

    Listens on a unix socket alone, which its owner and group may open.
    """
    limit_heaps()
    source = live_source(HostOptions(root, libvirt_uri, attributes), probes_per_minute)
    server = SocketServer(HostMetadata(source, probes=probes))
    try:
        address = server.start(Address(path=str(socket)))
    except ListenError as error:
        raise CommandError(str(error)) from None
    _LOG.info("collecting for %s", address)
    run_until_told(server)
    return 0


def live_source(options: HostOptions, probes_per_minute: int) -> InProcess:
    """Return a source that follows the host's events and has begun to collect."""
    host = options.open()
    source = local_source(host, probes_per_minute)
    if host.is_live:
        follow_kernel(source.invalidate)
        follow_libvirt(host.libvirt.uris, source.invalidate)

    def begin() -> None:
        source.collect(PART_NAMES, None)
        settle()

    threading.Thread(target=begin, name="first-collection", daemon=True).start()
    return source
