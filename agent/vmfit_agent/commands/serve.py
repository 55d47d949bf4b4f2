"""vmfit-agent serve: the network side of the agent."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click
from click.core import ParameterSource

from vmfit_agent import __version__
from vmfit_agent.calls import Answers, Calls
from vmfit_agent.commands.mask_options import Hashes, hash_options
from vmfit_agent.commands.measured import measured, metrics_option
from vmfit_agent.commands.options import (
    DEFAULT_LISTEN,
    LOCAL_LISTEN,
    AddressOption,
    content_option,
    host_options,
    listen_failure,
)
from vmfit_agent.commands.probe_options import probe_options
from vmfit_agent.commands.reload import Parameters, reloader
from vmfit_agent.commands.restartable import restartable
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_agent.process_memory import limit_heaps, settle
from vmfit_agent.server import AgentServer
from vmfit_contract.address import AGENT_PORT, Address, parse_address
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.identity import AGENT_ROLES, RoleRules
from vmfit_contract.listening import ListenError
from vmfit_contract.self_check import answers_itself, own_address
from vmfit_contract.service_life import ANSWER_SECONDS, ReloadRefused, live
from vmfit_contract.service_manager import ServiceManager
from vmfit_contract.serving.observer import Observers
from vmfit_contract.settings_file import Settings
from vmfit_contract.stop_signal import signals
from vmfit_contract.tls_files import LIBVIRT_SERVER, ServerTls, TlsError, chosen_files
from vmfit_contract.tracing import tracing

_LOG = logging.getLogger(__name__)

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("serve", cls=Command)
@click.option(
    "--listen",
    envvar="VMFIT_AGENT_LISTEN",
    metavar="ADDRESS",
    type=AddressOption(),
    help="host:port, [IPv6]:port or unix:PATH."
    f"  [default: {DEFAULT_LISTEN}, without certificates {LOCAL_LISTEN}]",
)
@click.option(
    "--source",
    envvar="VMFIT_AGENT_SOURCE",
    metavar="unix:PATH",
    type=AddressOption(),
    help="Ask a collecting process there; without it this process collects.",
)
@click.option(
    "--replay",
    envvar="VMFIT_AGENT_REPLAY",
    metavar="FILE",
    type=_FILE,
    help="Serve a recorded snapshot.",
)
@click.option("--tls-cert", envvar="VMFIT_AGENT_TLS_CERT", metavar="FILE", type=_FILE,
              help="This agent's certificate chain, PEM.")  # fmt: skip
@click.option("--tls-key", envvar="VMFIT_AGENT_TLS_KEY", metavar="FILE", type=_FILE,
              help="The certificate's key, PEM.")  # fmt: skip
@click.option("--tls-ca", envvar="VMFIT_AGENT_TLS_CA", metavar="FILE", type=_FILE,
              help="The authority of the clients' certificates, PEM.")  # fmt: skip
@click.option(
    "--insecure",
    is_flag=True,
    envvar="VMFIT_AGENT_INSECURE",
    help="Serve plain text over the network, to anybody.",
)
@click.option(
    "--preparer",
    envvar="VMFIT_AGENT_PREPARER",
    metavar="unix:PATH",
    type=AddressOption(),
    help="Hand promises of memory on to 'vmfit-agent prepare' there; without it none are made.",
)
@probe_options
@content_option
@metrics_option
@host_options
@hash_options
@click.pass_context
@restartable()
def command(
    ctx: click.Context,
    *,
    listen: Address | None,
    source: Address | None,
    replay: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_ca: Path | None,
    insecure: bool,
    preparer: Address | None,
    probing: ProbeSettings,
    content_directory: tuple[str, ...],
    metrics: Address | None,
    root: Path,
    libvirt_uri: tuple[str, ...],
    attributes: Path,
    hashes: Hashes,
) -> int:
    """Serve this host's facts over gRPC.

    The facts come from a collecting process (--source), from a recorded snapshot (--replay), or
    from this process itself.
    """
    tls = _tls(tls_cert, tls_key, tls_ca, insecure=insecure)
    settings: Settings = ctx.obj
    if source is not None and replay is not None:
        source, replay = _nearer(ctx, source, replay)
    manager = ServiceManager()
    own = own_address() if manager.watchdog_seconds else None
    limit_heaps()
    with ExitStack() as stack:
        told = stack.enter_context(signals())
        if source is not None:
            calls = _calls_to(source, probes=probing.allowed)
        elif replay is not None:
            calls = _calls_replaying(replay, hashes, probes=probing.allowed)
        else:
            host = (root, libvirt_uri, attributes, content_directory)
            calls = _calls_here(host, probing, hashes)
        observer = Observers(
            stack.enter_context(measured(metrics, calls, tls)),
            stack.enter_context(tracing("vmfit-agent", __version__)),
        )
        rules = RoleRules(AGENT_ROLES, settings.roles)
        server = AgentServer(calls, rules, observer, _preparer_at(preparer))
        try:
            place = listen or _default_place(tls, insecure=insecure)
            address = server.start(place, tls, insecure=insecure, own=own)
        except ListenError as error:
            raise listen_failure(error) from None
        status = f"serving on {address}{'' if tls or address.is_unix else ', plain text'}"
        _LOG.info("%s", status)
        settle()
        manager.ready(status)

        def change(fresh: Settings, parameters: Parameters) -> None:
            try:
                server.reload(RoleRules(AGENT_ROLES, fresh.roles))
            except TlsError as error:
                raise ReloadRefused(str(error)) from None
            calls.allow_probes(allowed=parameters["probes"])

        live(
            manager,
            told,
            status=lambda: status,
            reload=reloader(ctx, ("probes",), change),
            makes_progress=lambda: own is None or answers_itself(own, ANSWER_SECONDS),
        )
        server.stop()
    return 0


def _nearer(
    ctx: click.Context, source: Address, replay: Path
) -> tuple[Address | None, Path | None]:
    """Keep the one that a flag names over the environment's, and that over the file's."""
    order = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP)
    for place in order:
        named = [ctx.get_parameter_source(name) is place for name in ("source", "replay")]
        if all(named):
            break
        if any(named):
            return (source, None) if named[0] else (None, replay)
    raise click.UsageError("--source and --replay exclude each other")


def _tls(
    certificate: Path | None, key: Path | None, authority: Path | None, *, insecure: bool
) -> ServerTls | None:
    """Return the certificates to use; None for plain text."""
    try:
        if insecure and not (certificate or key or authority):
            return None
        files = chosen_files(certificate, key, authority, LIBVIRT_SERVER)
        return None if files is None else ServerTls(files)
    except TlsError as error:
        raise AskedWronglyError(str(error)) from None


def _default_place(tls: ServerTls | None, *, insecure: bool) -> Address:
    if tls is not None or insecure:
        return parse_address(DEFAULT_LISTEN, AGENT_PORT)
    _LOG.warning(
        "there are no certificates, so only this host is served: for others name them (tls_cert, "
        "tls_key, tls_ca)"
    )
    return parse_address(LOCAL_LISTEN, AGENT_PORT)


def _calls_to(address: Address, *, probes: bool) -> Calls:
    from vmfit_agent.collect_socket.client import CollectSocket  # noqa: PLC0415

    if not address.is_unix:
        raise click.UsageError(f"--source {address}: must be unix:PATH")
    return CollectSocket(address, probes=probes)


def _preparer_at(address: Address | None) -> Answers | None:
    from vmfit_agent.collect_socket.client import CollectSocket  # noqa: PLC0415

    if address is None:
        return None
    if not address.is_unix:
        raise click.UsageError(f"--preparer {address}: must be unix:PATH")
    return CollectSocket(address, who="the preparing process")


def _calls_replaying(path: Path, hashes: Hashes, *, probes: bool) -> Calls:
    from vmfit_agent.host_metadata import host_metadata  # noqa: PLC0415
    from vmfit_agent.local_host import describe_without_host  # noqa: PLC0415
    from vmfit_agent.sources.replay import Replay  # noqa: PLC0415
    from vmfit_contract.snapshot_file import SnapshotFileError  # noqa: PLC0415

    try:
        recording = Replay.from_file(path, describe_without_host)
    except SnapshotFileError as error:
        raise AskedWronglyError(str(error)) from None
    return host_metadata(recording, hashes(), probes=probes)


def _calls_here(
    host: tuple[Path, Sequence[str], Path, Sequence[str]],
    probing: ProbeSettings,
    hashes: Hashes,
) -> Calls:
    from vmfit_agent.host_metadata import host_metadata  # noqa: PLC0415
    from vmfit_agent.live_source import collect_first, live_source  # noqa: PLC0415
    from vmfit_agent.local_host import HostOptions  # noqa: PLC0415

    source = live_source(HostOptions(*host).open(), probing)
    collect_first(source, lambda: None)
    return host_metadata(source, hashes(), probes=probing.allowed)
