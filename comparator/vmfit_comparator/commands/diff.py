"""`vmfit diff`: what differs between two hosts?"""

import click

from vmfit.v1.comparator_service_pb2 import DiffRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option
from vmfit_comparator.commands.references import host_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.differences.diff import differs
from vmfit_comparator.render.differences import show_diff
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command


@click.command(cls=Command)
@click.argument("left", metavar="HOST", shell_complete=completed_words.hosts)
@click.argument("right", metavar="HOST", shell_complete=completed_words.hosts)
@click.option(
    "-a",
    "--all",
    "include_all",
    is_flag=True,
    help="Everything: also what is equal, and raw registers.",
)
@click.option("--volatile", is_flag=True, help="Also what changes at any moment.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="PART",
    shell_complete=completed_words.parts,
    help="Only this part.",
)
@output_option
@comparator_options
@click.pass_obj
def command(
    settings: Settings,
    *,
    left: str,
    right: str,
    include_all: bool,
    volatile: bool,
    parts: tuple[str, ...],
    output: str,
    asking: Asking,
) -> int:
    """Tell what differs between two hosts, and which facts it matters to.

    \b
    vmfit diff alpha beta
    vmfit diff before.json after.json --part cpu --part kernel
    """  # noqa: D301 -- click's mark for lines to keep
    request = DiffRequest(
        left=host_reference(left),
        right=host_reference(right),
        include_equal=include_all,
        include_volatile=volatile,
        include_raw=include_all,
        parts=parts,
    )
    with comparator(settings, asking) as answering:
        response = answering.diff(request)
    emit(
        response,
        output,
        lambda: show_diff(response, (left, right), with_volatile=volatile, show_all=include_all),
    )
    return 1 if differs(response) else 0
