"""vmfit-agent prepare: the only process that changes something, for VMs that are to come."""

import logging
import threading
from pathlib import Path

import click

from vmfit_agent.collect_socket.self_check import answers_itself
from vmfit_agent.collect_socket.server import SocketServer
from vmfit_agent.commands.inherited_socket import inherited_socket
from vmfit_agent.commands.options import listen_failure
from vmfit_agent.commands.reload import reloader
from vmfit_agent.commands.restartable import restartable
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_word
from vmfit_agent.ledger.ledger_file import DIRECTORY, LedgerFile
from vmfit_agent.preparation.calls import PreparationCalls
from vmfit_agent.preparation.host_preparation import LOOK_SECONDS, HostPreparation
from vmfit_agent.process_memory import limit_heaps
from vmfit_contract.address import Address
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.listening import ListenError
from vmfit_contract.service_life import ANSWER_SECONDS, live
from vmfit_contract.service_manager import ServiceManager
from vmfit_contract.stop_signal import signals

_LOG = logging.getLogger(__name__)
DEFAULT_SOCKET = "/run/vmfit/prepare.sock"


@click.command("prepare", cls=Command)
@click.option(
    "--socket",
    "preparer_socket",
    default=DEFAULT_SOCKET,
    envvar="VMFIT_AGENT_PREPARER_SOCKET",
    metavar="PATH",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Answer on this unix socket.",
)
@click.option(
    "--root",
    default="/",
    envvar="VMFIT_AGENT_ROOT",
    metavar="DIR",
    help="Promise the memory of a recorded host in this directory, and keep the ledger below it.",
    show_default=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
)
@click.pass_context
@restartable()
def command(ctx: click.Context, *, preparer_socket: Path, root: Path) -> int:
    """Promise this host's memory to VMs that are to come, for a serve process on this host.

    The ledger lies in /var/lib/vmfit-prepare. Listens on a unix socket only, which its owner and
    group may open; on systemd's, if it has opened one.
    """
    manager = ServiceManager()
    limit_heaps()
    host = Host(root)
    boot_id = read_word(host, "proc/sys/kernel/random/boot_id")
    if boot_id is None:
        raise AskedWronglyError("/proc/sys/kernel/random/boot_id cannot be read")
    with signals() as told:
        preparation = HostPreparation(host, LedgerFile(root / DIRECTORY, boot_id))
        preparation.look()
        server = SocketServer(PreparationCalls(preparation))
        try:
            address = server.start(Address(path=str(preparer_socket)), inherited_socket())
        except ListenError as error:
            raise listen_failure(error) from None
        _LOG.info("promising memory for %s: %s", address, preparation.status())
        stopping = threading.Event()
        _start_looking(preparation, stopping)
        manager.ready(preparation.status())
        live(
            manager,
            told,
            status=preparation.status,
            reload=reloader(ctx, (), lambda *_: None),
            makes_progress=lambda: answers_itself(address, ANSWER_SECONDS),
        )
        stopping.set()
        server.stop()
    return 0


def _start_looking(preparation: HostPreparation, stopping: threading.Event) -> None:
    def look() -> None:
        while not stopping.wait(LOOK_SECONDS):
            preparation.look()

    threading.Thread(target=look, name="look-for-guests", daemon=True).start()
