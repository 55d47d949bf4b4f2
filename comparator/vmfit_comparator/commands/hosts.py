"""`vmfit hosts`: the inventory."""

import click

from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.render.catalogue import show_hosts
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import NO_ANSWER


@click.command(cls=Command)
@output_option("the names")
@comparator_options
@click.pass_obj
def command(settings: Settings, *, output: str, asking: Asking) -> int:
    """List the hosts of the inventory, and which of their agents answer.

    The exit status is 2 when one of them does not.
    """
    with comparator(settings, asking) as answering:
        response = answering.list_hosts()
    wide = output == "wide"
    names = [each.name for each in response.hosts]
    emit(response, output, lambda: show_hosts(response.hosts, wide=wide), names)
    return 0 if all(each.reachable and not each.error for each in response.hosts) else NO_ANSWER
