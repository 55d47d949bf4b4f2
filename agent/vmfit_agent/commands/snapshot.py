"""vmfit-agent snapshot: one snapshot, printed or written to a file."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.commands.mask_options import change_options
from vmfit_agent.commands.options import AddressOption, complete_parts, host_options, part_names
from vmfit_contract.address import Address, AddressError
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import AskedWronglyError, NoAnswerError
from vmfit_contract.command_line.form_choice import FormChoice
from vmfit_contract.command_line.structured import structured_text
from vmfit_contract.json_text import to_json
from vmfit_contract.printable import printable
from vmfit_contract.revisions import SCHEMA_REVISION
from vmfit_contract.snapshot_file import SnapshotFileError, read_snapshot, write_snapshot

_ANSWER_SECONDS = 60.0
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("snapshot", cls=Command)
@click.option(
    "-o",
    "--output",
    "form",
    default="json",
    show_default=True,
    type=FormChoice(["json", "yaml", "binary"]),
    help="Canonical protobuf JSON, the same as YAML, what a JSONPath selects of it, or the binary "
    "form.",
)
@click.option(
    "--part", "parts", multiple=True, metavar="PART", callback=part_names,
    shell_complete=complete_parts, help="Only this part, several times for several.",
)  # fmt: skip
@click.option("--file", metavar="FILE", type=click.Path(path_type=Path), help="Write to FILE.")
@click.option("--replay", metavar="FILE", type=click.Path(path_type=Path),
              help="Print a recorded snapshot instead.")  # fmt: skip
@click.option("--address", metavar="ADDRESS", type=AddressOption(), help="Ask a running agent.")
@click.option("--insecure", is_flag=True, envvar="VMFIT_AGENT_INSECURE",
              help="Ask over the network in plain text.")  # fmt: skip
# Not those of the settings file: an agent's own certificate is no client's.
@click.option("--tls-cert", "client_cert", envvar="VMFIT_TLS_CERT", metavar="FILE", type=_FILE,
              help="A client's certificate, PEM.  [default: libvirt's]")  # fmt: skip
@click.option("--tls-key", "client_key", envvar="VMFIT_TLS_KEY", metavar="FILE", type=_FILE,
              help="The certificate's key, PEM.")  # fmt: skip
@click.option("--tls-ca", "client_ca", envvar="VMFIT_TLS_CA", metavar="FILE", type=_FILE,
              help="The authority of the agent's certificate, PEM.")  # fmt: skip
@change_options
@host_options
def command(
    *,
    form: str,
    parts: list[str],
    file: Path | None,
    address: Address | None,
    insecure: bool,
    client_cert: Path | None,
    client_key: Path | None,
    client_ca: Path | None,
    replay: Path | None,
    change: Callable[[Snapshot], None],
    root: Path,
    libvirt_uri: tuple[str, ...],
    attributes: Path,
) -> int:
    """Print a snapshot of this host, or write it to a file.

    Parts that cannot be collected are named on stderr. The status is 1 when a part named with
    --part is among them.
    """
    if form == "binary" and file is None and sys.stdout.isatty():
        raise click.UsageError("the binary form is not for a terminal: give --file FILE")
    if form not in ("json", "binary") and file is not None:
        raise click.UsageError(f"a file is read as json or binary: leave -o {form[:20]} out")
    if replay is not None and (address is not None or parts):
        raise click.UsageError("--replay prints the file: no --address, and no --part")
    if replay is not None:
        snapshot = _read(replay)
    elif address is not None:
        named = (client_cert, client_key, client_ca)
        snapshot = _fetch(address, parts, named, insecure=insecure and not any(named))
    else:
        from vmfit_agent.local_host import HostOptions, local_source  # noqa: PLC0415

        host = HostOptions(root, libvirt_uri, attributes).open()
        snapshot = local_source(host).snapshot(parts, 0.0, {})
    change(snapshot)
    _write(snapshot, file, form)
    absent = [status for status in snapshot.parts if status.error]
    for status in absent:
        click.echo(printable(f"{status.name}: {status.error}"), err=True)
    return 1 if parts and absent else 0


def _read(file: Path) -> Snapshot:
    try:
        return read_snapshot(file)
    except SnapshotFileError as error:
        raise AskedWronglyError(str(error)) from None


def _fetch(
    address: Address,
    parts: Sequence[str],
    named: tuple[Path | None, Path | None, Path | None],
    *,
    insecure: bool,
) -> Snapshot:
    import grpc  # noqa: PLC0415 -- only for a running agent

    from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest  # noqa: PLC0415
    from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub  # noqa: PLC0415
    from vmfit_contract.connector import Connector  # noqa: PLC0415
    from vmfit_contract.tls_files import (  # noqa: PLC0415
        LIBVIRT_CLIENT,
        ClientTls,
        TlsError,
        chosen_files,
    )

    try:
        files = None if insecure or address.is_unix else chosen_files(*named, LIBVIRT_CLIENT)
        connector = Connector(insecure=insecure, tls=ClientTls(files) if files else None)
        with connector.connect(address) as channel:
            request = GetSnapshotRequest(parts=parts, schema_revision=SCHEMA_REVISION)
            return HostMetadataStub(channel).GetSnapshot(request, timeout=_ANSWER_SECONDS).snapshot
    except (AddressError, TlsError) as error:
        raise AskedWronglyError(str(error)) from None
    except grpc.RpcError as error:
        raise NoAnswerError(f"{address}: {connector.explain(error, address)}") from None


def _write(snapshot: Snapshot, file: Path | None, form: str) -> None:
    if file is not None:
        try:
            write_snapshot(snapshot, file, "binary" if form == "binary" else "json")
        except SnapshotFileError as error:
            raise AskedWronglyError(str(error)) from None
    elif form != "binary":
        sys.stdout.write(structured_text(to_json(snapshot), form))
    else:
        sys.stdout.buffer.write(snapshot.SerializeToString(deterministic=True))
        sys.stdout.buffer.flush()
