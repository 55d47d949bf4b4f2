"""`vmfit hosts`: the inventory."""

import click

from vmfit_comparator.cli import COULD_NOT_ANSWER
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.render.catalogue import show_hosts
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings


@click.command()
@output_option
@comparator_options
@click.pass_obj
def command(settings: Settings, *, output: str, asking: Asking) -> int:
    """List the hosts of the inventory, and which of their agents answer.

    The exit status is 2 when one of them does not.
    """
    with comparator(settings, asking) as answering:
        response = answering.list_hosts()
    emit(response, output, lambda: show_hosts(response.hosts))
    return (
        0 if all(each.reachable and not each.error for each in response.hosts) else COULD_NOT_ANSWER
    )
