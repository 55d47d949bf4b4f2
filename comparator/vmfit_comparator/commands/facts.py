"""`vmfit facts`: the catalogue."""

from collections.abc import Callable
from functools import partial

import click

from vmfit.v1.comparator_service_pb2 import ListFactsResponse
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.policies.policy_checks import known_patterns
from vmfit_comparator.render.catalogue import catalogue_markdown, show_fact, show_facts
from vmfit_comparator.render.output import emit
from vmfit_comparator.render.terminal import Terminal
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.printable import printable_lines
from vmfit_contract.spelling import did_you_mean


@click.command(cls=Command)
@click.argument("fact_id", metavar="[ID]", required=False, shell_complete=completed_words.facts)
@click.option("--markdown", is_flag=True, help="The whole catalogue as Markdown.")
@output_option("the ids")
@comparator_options
@click.pass_obj
def command(
    settings: Settings,
    *,
    fact_id: str | None,
    markdown: bool,
    output: str,
    asking: Asking,
) -> int:
    """List the facts; with ID (or area.*) explain what one asks, reads and answers."""
    with comparator(settings, asking) as answering:
        response = answering.list_facts()
    if fact_id:
        response = _selected(response, fact_id)
    if markdown:
        click.echo(printable_lines(catalogue_markdown(response.facts)), nl=False)
    else:
        ids = [each.id for each in response.facts]
        table = partial(_table, response, explained=bool(fact_id), wide=output == "wide")
        emit(response, output, table, ids)
    return 0


def _table(
    response: ListFactsResponse, *, explained: bool, wide: bool
) -> Callable[[Terminal], None]:
    return show_fact(response.facts) if explained else show_facts(response.facts, wide=wide)


def _selected(response: ListFactsResponse, wanted: str) -> ListFactsResponse:
    area = wanted.removesuffix("*") if wanted.endswith(".*") else None
    found = [
        each
        for each in response.facts
        if each.id == wanted or (area is not None and each.id.startswith(area))
    ]
    if not found:
        hint = did_you_mean(wanted, known_patterns(each.id for each in response.facts))
        raise AskedWronglyError(f"no such fact: {wanted!r}{hint}")
    return ListFactsResponse(facts=found)
