"""`vmfit history`: what changed on a host, and when?"""

import click

from vmfit.v1.comparator_service_pb2 import GetHostHistoryRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option, store_option
from vmfit_comparator.commands.references import host_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.commands.times import between_options, times_asked
from vmfit_comparator.render.history import show_history
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command


@click.command(cls=Command)
@click.argument("host", metavar="HOST", shell_complete=completed_words.hosts)
@between_options
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="PART",
    shell_complete=completed_words.parts,
    help="Only this part, several times for several.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=100,
    show_default=True,
    metavar="N",
    help="So many of the latest changes at most.",
)
@output_option()
@store_option
@comparator_options
@click.pass_obj
def command(
    settings: Settings,
    *,
    host: str,
    since: str | None,
    until: str | None,
    parts: tuple[str, ...],
    limit: int,
    output: str,
    store: str | None,
    asking: Asking,
) -> int:
    """Tell what changed on a host and when, by the snapshots that are kept in the store.

    What changes at any moment is left out. A change is told with when the host was first seen so,
    and when it was last seen as before.

    \b
    vmfit history alpha
    vmfit history alpha --since 2026-11-22 --until 3d --part network
    """  # noqa: D301 -- click's mark for lines to keep
    request = GetHostHistoryRequest(
        host=host_reference(host), parts=parts, limit=limit, **times_asked(since, until)
    )
    with comparator(settings, asking, store) as answering:
        response = answering.host_history(request)
    emit(response, output, lambda: show_history(response))
    return 0
