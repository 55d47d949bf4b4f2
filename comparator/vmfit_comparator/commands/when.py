"""`vmfit when`: since when can a VM move, or not, and what changed then?"""

from pathlib import Path

import click

from vmfit.v1.comparator_service_pb2 import CheckRequest, FindTurnRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.chosen_policy import ChosenPolicy
from vmfit_comparator.commands.options import output_option, store_option
from vmfit_comparator.commands.references import host_reference, vm_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.commands.times import between_options, times_asked
from vmfit_comparator.commands.virsh_words import (
    EPILOG,
    MigrationCommand,
    complete_vm,
    virsh_options,
    vm_names,
)
from vmfit_comparator.render.history import show_turn
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings


@click.command(
    cls=MigrationCommand, options_metavar="--from HOST --to HOST [OPTIONS]", epilog=EPILOG
)
@click.argument("vm", required=False, shell_complete=complete_vm)
@click.option(
    "--from",
    "source",
    required=True,
    metavar="HOST",
    shell_complete=completed_words.hosts,
    help="Where the VM runs.",
)
@click.option(
    "--to",
    "destination",
    required=True,
    metavar="HOST",
    shell_complete=completed_words.hosts,
    help="Where it should go.",
)
@between_options
@click.option(
    "--policy",
    metavar="NAME|FILE",
    envvar="VMFIT_POLICY",
    shell_complete=completed_words.policies,
    help="What is acceptable.",
)
@click.option(
    "--fact",
    "facts",
    multiple=True,
    metavar="ID",
    shell_complete=completed_words.facts,
    help="Only this fact, or area.*",
)
@click.option("--vm", "description", type=click.Path(path_type=Path), help="A described VM.")
@output_option()
@store_option
@comparator_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    vm: str | None,
    source: str,
    destination: str,
    since: str | None,
    until: str | None,
    policy: str | None,
    facts: tuple[str, ...],
    description: Path | None,
    output: str,
    store: str | None,
    asking: Asking,
) -> int:
    """Tell since when VM can move to a host, or cannot, and what changed then.

    Answers rest on the snapshots that are kept in the store: no agent is asked. The latest turn of
    the verdict is told, and of each fact that blocks (or of those named with --fact) since when it
    does and what changed of all that it reads. The exit status is that of a check.

    \b
    vmfit when web --from alpha --to beta
    vmfit when web --from alpha --to beta --since 2w --fact 'net.*'
    """  # noqa: D301 -- click's mark for lines to keep
    domain, options = virsh_options(ctx)
    vm_names(vm, domain)
    chosen = ChosenPolicy(policy)
    check = CheckRequest(
        source=host_reference(source, "--from"),
        destination=host_reference(destination, "--to"),
        vm=vm_reference(vm or (None if description else domain), None, description),
        options=options,
        policy=chosen.reference,
        facts=facts,
    )
    request = FindTurnRequest(check=check, **times_asked(since, until))
    settings: Settings = ctx.obj
    with comparator(settings, asking, store) as answering, chosen.located_errors():
        response = answering.find_turn(request)
    emit(response, output, lambda: show_turn(response))
    return 0 if response.verdict.acceptable else 1
