"""`vmfit outcome`: what became of a migration that was checked."""

import click

from vmfit.v1.calibration_pb2 import MigrationOutcome, ReportOutcomeRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import store_option
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.render.calibration import reported_text
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command
from vmfit_contract.printable import printable_lines

_PREFIX = "MIGRATION_OUTCOME_"
_OUTCOMES = [each.removeprefix(_PREFIX).lower() for each in MigrationOutcome.keys()[1:]]


@click.command(cls=Command)
@click.argument("check_id", metavar="CHECK_ID")
@click.argument("outcome", type=click.Choice(_OUTCOMES))
@click.option("--text", default="", metavar="TEXT", help="What libvirt said.")
@click.option(
    "--cause",
    "causes",
    multiple=True,
    metavar="FACT",
    shell_complete=completed_words.facts,
    help="The fact at fault.",
)
@store_option
@comparator_options
@click.pass_obj
def command(
    settings: Settings,
    *,
    check_id: str,
    outcome: str,
    text: str,
    causes: tuple[str, ...],
    store: str | None,
    asking: Asking,
) -> int:
    """Report what became of the migration that a check was about.

    \b
    migrated  the guest runs on the destination and is the same
    refused   it never began to copy
    failed    it broke off while copying
    broken    it went through, and the guest is dead, hung or not the same

    CHECK_ID is what `vmfit check` printed. A later report replaces the one before. Without --cause
    the facts that foresaw a failure are taken for its cause.

    \b
    vmfit outcome 0123456789abcdef migrated
    vmfit outcome 0123456789abcdef refused --cause net.bridge --text "Cannot get interface MTU"
    """  # noqa: D301 -- click's mark for lines to keep
    request = ReportOutcomeRequest(
        check_id=check_id,
        outcome=MigrationOutcome.Value(f"{_PREFIX}{outcome.upper()}"),
        text=text,
        causes=causes,
    )
    with comparator(settings, asking, store=store) as answering:
        response = answering.report_outcome(request)
    click.echo(printable_lines(reported_text(request, response)))
    return 0
