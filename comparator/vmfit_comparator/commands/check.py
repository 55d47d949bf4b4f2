"""`vmfit check`: can a VM move from one host to another?"""

from pathlib import Path

import click

from vmfit.v1.comparator_service_pb2 import CheckRequest, CheckResponse
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.chosen_policy import ChosenPolicy
from vmfit_comparator.commands.options import output_option, store_option
from vmfit_comparator.commands.references import (
    host_reference,
    read_file,
    vm_reference,
)
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.commands.virsh_words import (
    EPILOG,
    MigrationCommand,
    complete_vm,
    virsh_options,
    vm_names,
)
from vmfit_comparator.render.findings import Detail, show_check
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.exit_status import NO_ANSWER, AskedWronglyError
from vmfit_contract.printable import printable


@click.command(
    cls=MigrationCommand,
    options_metavar="--from HOST --to HOST [OPTIONS]",
    epilog=EPILOG,
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
@click.option(
    "--incoming",
    type=click.Path(path_type=Path),
    help="The VM as a destination that is a file would describe it.",
)
@click.option(
    "--probes",
    type=click.Path(path_type=Path),
    help="What probes of two hosts that are files would find.",
)
@click.option("--no-probes", is_flag=True, help="Ask the agents for nothing but what they are.")
@click.option("-a", "--all", "show_all", is_flag=True, help="Show every finding.")
@click.option("--explain", is_flag=True, help="Show rules, inputs and evidence too.")
@output_option("the facts that are against it")
@store_option
@comparator_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    vm: str | None,
    source: str,
    destination: str,
    policy: str | None,
    facts: tuple[str, ...],
    xml: Path | None,
    description: Path | None,
    incoming: Path | None,
    probes: Path | None,
    no_probes: bool,
    show_all: bool,
    explain: bool,
    output: str,
    asking: Asking,
    store: str | None,
) -> int:
    """Tell whether VM can move from one host to another, fact by fact.

    VM is a name or a UUID on the source; a path ending in .json is a described VM. With --xml or
    --vm, or when virsh's words name the domain, it may be left out.

    \b
    vmfit check web --from alpha --to beta
    vmfit check web --from alpha --to beta -- --live --copy-storage-all --tls
    vmfit check --from alpha --to beta -- virsh migrate --p2p web qemu+tls://beta/system
    vmfit check --xml web.xml --from alpha --to beta.json --explain
    """  # noqa: D301 -- click's mark for lines to keep
    domain, options = virsh_options(ctx)
    names = vm_names(vm, domain)
    chosen = ChosenPolicy(policy)
    request = CheckRequest(
        source=host_reference(source, "--from"),
        destination=host_reference(destination, "--to"),
        vm=vm_reference(vm or (None if xml or description else domain), xml, description),
        options=options,
        policy=chosen.reference,
        facts=facts,
        no_probes=no_probes,
        incoming=read_file(incoming, Vm, "--incoming") if incoming else None,
        probes=read_file(probes, ProbeAnswers, "--probes") if probes else None,
    )
    settings: Settings = ctx.obj
    with comparator(settings, asking, store=store) as answering, chosen.located_errors():
        response = answering.check(request)
        is_table = output in ("table", "wide")
        rules = answering.list_facts().facts if explain and is_table else ()
    _check_name(response, names)
    # Who asks to have certain facts explained wants them whatever they answer.
    show_all = show_all or output == "wide" or (explain and bool(facts))
    detail = Detail(show_all=show_all, explain=explain, rules={each.id: each for each in rules})
    return _show(response, output, detail)


def _show(response: CheckResponse, output: str, detail: Detail) -> int:
    """Print the answer and return the exit status."""
    emit(response, output, lambda: show_check(response, detail), response.verdict.blockers)
    for error in response.subject.errors if output not in ("table", "wide") else ():
        click.echo(printable(f"vmfit: error: {error.host}: {error.error}"), err=True)
    if response.subject.errors:
        return NO_ANSWER
    return 0 if response.verdict.acceptable else 1


def _check_name(response: CheckResponse, names: list[str]) -> None:
    """Refuse an answer about another VM: one from a file need not be the one that was named."""
    subject = response.subject
    known = {subject.vm_name, subject.vm_uuid.lower()} - {""}
    for name in names:
        if known and name not in known and name.lower() not in known:
            raise AskedWronglyError(f"the VM is {subject.vm_name!r}, not {name!r}")
