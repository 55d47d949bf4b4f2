"""`vmfit serve`: the comparator as a gRPC service."""

import functools
import gc
import logging

import click

from vmfit_comparator import __version__
from vmfit_comparator.commands.asking import Asking, connection_options
from vmfit_comparator.commands.measured import measured, metrics_option
from vmfit_comparator.commands.options import store_option
from vmfit_comparator.commands.reload import Parameters, reloader
from vmfit_comparator.commands.session import known_to, local_engine
from vmfit_comparator.engine import Engine
from vmfit_comparator.policies.policy_error import PolicyError
from vmfit_comparator.server import ComparatorServer
from vmfit_comparator.settings import Settings
from vmfit_contract.address import COMPARATOR_PORT, AddressError, parse_address
from vmfit_contract.command_line.commands import Command, say_as_service
from vmfit_contract.command_line.exit_status import AskedWronglyError, CannotServeError
from vmfit_contract.identity import COMPARATOR_ROLES, RoleRules
from vmfit_contract.listening import ListenError, TakenError
from vmfit_contract.self_check import answers_itself, own_address
from vmfit_contract.service_life import ANSWER_SECONDS, ReloadRefused, live
from vmfit_contract.service_log import log_as_service
from vmfit_contract.service_manager import ServiceManager
from vmfit_contract.serving.observer import Observers
from vmfit_contract.stop_signal import signals
from vmfit_contract.tls_files import LIBVIRT_SERVER, ServerTls, TlsError, TlsFiles, chosen_files
from vmfit_contract.tracing import tracing

_LOG = logging.getLogger(__name__)

_LISTEN = f"[::]:{COMPARATOR_PORT}"
_PLAIN_LISTEN = f"localhost:{COMPARATOR_PORT}"
# Where the service's RuntimeDirectory is.
_LOCAL_LISTEN = "unix:/run/vmfit-comparator/comparator.sock"


@click.command(cls=Command)
@click.option(
    "--listen",
    multiple=True,
    metavar="ADDRESS",
    envvar="VMFIT_LISTEN",
    help="host:port, [IPv6]:port or unix:PATH; may be repeated."
    f"  [default: {_LISTEN}, in plain text {_PLAIN_LISTEN}, with neither {_LOCAL_LISTEN}]",
)
@connection_options
@store_option
@metrics_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    listen: tuple[str, ...],
    asking: Asking,
    store: str | None,
    metrics: str | None,
) -> int:
    """Answer check, rank, diff and baseline over gRPC, until SIGTERM or SIGINT.

    SIGHUP has it read hosts, policies and timeout from the settings again.
    """
    log_as_service()
    say_as_service(ctx)
    settings: Settings = ctx.obj
    manager = ServiceManager()
    own = own_address() if manager.watchdog_seconds else None
    try:
        tls = _tls(asking)
        places = listen or [_default_place(tls, insecure=asking.insecure)]
        addresses = [parse_address(each, COMPARATOR_PORT) for each in places]
        with (
            signals() as told,
            local_engine(settings, asking, store, records=True) as engine,
            measured(metrics, engine, lambda: _certificates(asking, tls)) as measures,
            tracing("vmfit", __version__) as traces,
        ):
            server = ComparatorServer(
                engine,
                addresses,
                insecure=asking.insecure,
                tls=tls,
                own=own,
                rules=RoleRules(COMPARATOR_ROLES, settings.roles),
                observer=Observers(measures, traces),
            )
            server.start()
            names = ", ".join(map(str, server.addresses))
            _LOG.info("listening on %s", names)
            # What is there by now stays: no garbage collection need look at it again.
            gc.freeze()
            status = functools.partial(_status, engine, names)
            manager.ready(status())
            live(
                manager,
                told,
                status=status,
                reload=reloader(ctx, ("timeout",), functools.partial(_change, engine, server)),
                makes_progress=lambda: own is None or answers_itself(own, ANSWER_SECONDS),
            )
            server.stop()
    except TakenError as error:
        raise CannotServeError(str(error)) from None
    except (AddressError, ListenError, TlsError) as error:
        raise AskedWronglyError(str(error)) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CannotServeError(f"{where}{error.strerror or error}") from None
    return 0


def _status(engine: Engine, names: str) -> str:
    return f"listening on {names}; {engine.host_count} hosts in the inventory"


def _tls(asking: Asking) -> ServerTls | None:
    """Return the certificates to serve with; None for plain text. Raises TlsError."""
    if asking.insecure:
        return None
    files = chosen_files(*asking.tls.named, LIBVIRT_SERVER)
    return None if files is None else ServerTls(files)


def _certificates(asking: Asking, tls: ServerTls | None) -> list[TlsFiles]:
    """Return the certificates that callers are shown, and agents."""
    shown = (None if tls is None else tls.files, asking.tls.files)
    return [files for files in shown if files is not None]


def _default_place(tls: ServerTls | None, *, insecure: bool) -> str:
    if tls is not None:
        return _LISTEN
    if insecure:
        return _PLAIN_LISTEN
    _LOG.warning(
        "there are no certificates, so only this host is served: for others name them (tls_cert, "
        "tls_key, tls_ca)"
    )
    return _LOCAL_LISTEN


def _change(
    engine: Engine, server: ComparatorServer, settings: Settings, parameters: Parameters
) -> None:
    inventory, policies = known_to(settings)
    try:
        server.reload(RoleRules(COMPARATOR_ROLES, settings.roles))
        engine.reconfigure(
            inventory,
            policies,
            parameters["timeout"],
            any_address=settings.values.get("any_address", False),
        )
    except (PolicyError, TlsError) as error:
        raise ReloadRefused(str(error)) from None
