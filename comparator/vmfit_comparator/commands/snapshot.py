"""`vmfit snapshot`: what a host says of itself."""

import sys
from pathlib import Path

import click

from vmfit.v1.comparator_service_pb2 import GetHostSnapshotRequest
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import store_option
from vmfit_comparator.commands.references import host_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.past.volatile import stable
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.command_line.form_choice import FormChoice
from vmfit_contract.printable import printable
from vmfit_contract.snapshot_file import SnapshotFileError, write_snapshot


@click.command(cls=Command)
@click.argument("host", metavar="HOST", shell_complete=completed_words.hosts)
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="PART",
    shell_complete=completed_words.parts,
    help="Only this part, several times for several.",
)
@click.option(
    "-o",
    "--output",
    "form",
    type=FormChoice(["json", "yaml", "binary"]),
    default="json",
    show_default=True,
    help="Canonical protobuf JSON, the same as YAML, what a JSONPath selects of it, or the binary "
    "form.",
)
@click.option("--file", metavar="FILE", type=click.Path(path_type=Path), help="Write to FILE.")
@click.option(
    "--stable",
    "is_stable",
    is_flag=True,
    help="Without times and what changes at any moment: an unchanged host gives the same text.",
)
@store_option
@comparator_options
@click.pass_obj
def command(
    settings: Settings,
    *,
    host: str,
    parts: tuple[str, ...],
    form: str,
    file: Path | None,
    is_stable: bool,
    store: str | None,
    asking: Asking,
) -> int:
    """Print the snapshot of a host, or write it to a file that stands for the host elsewhere.

    Parts that its agent could not collect are named on standard error. The exit status is 1 when a
    part named with --part is among them.

    \b
    vmfit snapshot alpha --file alpha.json
    vmfit snapshot alpha --part cpu --part memory -o yaml
    vmfit snapshot alpha@3d
    vmfit snapshot alpha --stable --file hosts/alpha.json
    """  # noqa: D301 -- click's mark for lines to keep
    if form not in ("json", "binary") and file is not None:
        raise click.UsageError(f"a file is read as json or binary: leave -o {form[:20]} out")
    if form == "binary" and file is None and sys.stdout.isatty():
        raise click.UsageError("the binary form is not for a terminal: give --file FILE")
    request = GetHostSnapshotRequest(host=host_reference(host), parts=parts)
    with comparator(settings, asking, store) as answering:
        snapshot = answering.host_snapshot(request).snapshot
    if is_stable:
        snapshot = stable(snapshot)
    _write(snapshot, form, file)
    absent = [each for each in snapshot.parts if each.error]
    for each in absent:
        click.echo(printable(f"{each.name}: {each.error}"), err=True)
    return 1 if parts and absent else 0


def _write(snapshot: Snapshot, form: str, file: Path | None) -> None:
    if file is not None:
        try:
            write_snapshot(snapshot, file, "binary" if form == "binary" else "json")
        except SnapshotFileError as error:
            raise AskedWronglyError(f"--file: {error}") from None
    elif form == "binary":
        sys.stdout.buffer.write(snapshot.SerializeToString(deterministic=True))
        sys.stdout.buffer.flush()
    else:
        emit(snapshot, form)
