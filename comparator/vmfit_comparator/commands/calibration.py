"""`vmfit calibration`: how often did the answers come true?"""

import click

from vmfit.v1.calibration_pb2 import GetCalibrationRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option, store_option
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.evaluation.probabilities import exported
from vmfit_comparator.render.calibration import show_calibration
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command
from vmfit_contract.printable import printable_lines


@click.command(cls=Command)
@click.option(
    "--fact",
    "facts",
    multiple=True,
    metavar="ID",
    shell_complete=completed_words.facts,
    help="Only this fact, or area.*",
)
@click.option("--export", is_flag=True, help="Print counts for probabilities.yaml instead.")
@output_option()
@store_option
@comparator_options
@click.pass_obj
def command(
    settings: Settings,
    *,
    facts: tuple[str, ...],
    export: bool,
    output: str,
    store: str | None,
    asking: Asking,
) -> int:
    """Tell how often each answer of each fact came true, by the outcomes that were reported.

    \b
    vmfit calibration
    vmfit calibration --fact 'storage.*' -o json
    """  # noqa: D301 -- click's mark for lines to keep
    request = GetCalibrationRequest(facts=facts)
    with comparator(settings, asking, store=store) as answering:
        response = answering.calibration(request)
    if export:
        click.echo(printable_lines(exported(response)), nl=False)
    else:
        emit(response, output, lambda: show_calibration(response))
    return 0
