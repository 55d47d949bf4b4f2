"""`vmfit rank`: to which hosts can a VM move, the best first?"""

import re
from pathlib import Path

import click

from vmfit.v1.comparator_service_pb2 import RankRequest, RankResponse
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.chosen_policy import ChosenPolicy
from vmfit_comparator.commands.options import output_option
from vmfit_comparator.commands.references import host_reference, vm_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.commands.virsh_words import (
    EPILOG,
    MigrationCommand,
    complete_vm,
    virsh_options,
    vm_names,
)
from vmfit_comparator.render.output import emit
from vmfit_comparator.render.ranking import show_ranking
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.exit_status import NO, NO_ANSWER, YES

# Names without ":" and "/", as the inventory has them.
_PATTERN = re.compile(r"[A-Za-z0-9._*?-]*[*?][A-Za-z0-9._*?-]*")


@click.command(
    cls=MigrationCommand, options_metavar="--from HOST [--to HOST]... [OPTIONS]", epilog=EPILOG
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
    "destinations",
    multiple=True,
    metavar="HOST",
    shell_complete=completed_words.hosts,
    help="Where it could go, several times for several; names may have * and ?."
    "  [default: all of the inventory]",
)
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Show the best N only.")
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
@click.option("--xml", type=click.Path(path_type=Path), help="The VM's domain XML.")
@click.option("--vm", "description", type=click.Path(path_type=Path), help="A described VM.")
@click.option("--no-probes", is_flag=True, help="Ask the agents for nothing but what they are.")
@output_option("the hosts that are acceptable")
@comparator_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    vm: str | None,
    source: str,
    destinations: tuple[str, ...],
    top: int | None,
    policy: str | None,
    facts: tuple[str, ...],
    xml: Path | None,
    description: Path | None,
    no_probes: bool,
    output: str,
    asking: Asking,
) -> int:
    """Tell to which hosts VM can move: the best first, and what is against the others.

    The exit status is 0 when one of them is acceptable, 1 when none is, 2 when none is and some did
    not answer.

    \b
    vmfit rank web --from alpha
    vmfit rank web --from alpha --to beta --to gamma -- --live --p2p
    vmfit rank web --from alpha --to 'rack1-*' --top 5
    """  # noqa: D301 -- click's mark for lines to keep
    domain, options = virsh_options(ctx)
    vm_names(vm, domain)
    chosen = ChosenPolicy(policy)
    globs = [each for each in destinations if _PATTERN.fullmatch(each)]
    request = RankRequest(
        source=host_reference(source, "--from"),
        destinations=[host_reference(each, "--to") for each in destinations if each not in globs],
        destination_names=globs,
        top_count=top or 0,
        vm=vm_reference(vm or (None if xml or description else domain), xml, description),
        options=options,
        policy=chosen.reference,
        facts=facts,
        no_probes=no_probes,
    )
    settings: Settings = ctx.obj
    with comparator(settings, asking) as answering, chosen.located_errors():
        response = answering.rank(request)
    names = [each.subject.destination_host for each in response.checks if each.verdict.acceptable]
    emit(response, output, lambda: show_ranking(response), names)
    return _status(response)


def _status(response: RankResponse) -> int:
    if any(each.verdict.acceptable for each in response.checks):
        return YES
    return NO_ANSWER if any(each.subject.errors for each in response.checks) else NO
