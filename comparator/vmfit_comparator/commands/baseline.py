"""`vmfit baseline`: what can all these hosts give to a guest?"""

import click

from vmfit.v1.comparator_service_pb2 import BaselineRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option
from vmfit_comparator.commands.references import host_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.render.baseline import show_baseline
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command


@click.command(cls=Command)
@click.argument(
    "hosts", metavar="HOST...", nargs=-1, required=True, shell_complete=completed_words.hosts
)
@click.option(
    "--type", "domain_type", default="", metavar="TYPE", help="kvm, qemu; by default what all have."
)
@click.option(
    "--arch", "architecture", default="", metavar="ARCH", help="By default the hosts' own."
)
@output_option()
@comparator_options
@click.pass_obj
def command(
    settings: Settings,
    *,
    hosts: tuple[str, ...],
    domain_type: str,
    architecture: str,
    output: str,
    asking: Asking,
) -> int:
    """Tell which CPU and which machine types a guest may have to move among all the hosts.

    \b
    vmfit baseline alpha beta gamma
    vmfit baseline alpha.json beta.json --type kvm
    """  # noqa: D301 -- click's mark for lines to keep
    request = BaselineRequest(
        hosts=map(host_reference, hosts), domain_type=domain_type, architecture=architecture
    )
    with comparator(settings, asking) as answering:
        response = answering.baseline(request)
    emit(response, output, lambda: show_baseline(response))
    return 0
