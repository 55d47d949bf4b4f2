"""`vmfit check`: can a VM move from one host to another?"""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from vmfit.v1.comparator_service_pb2 import CheckRequest, CheckResponse
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.chosen_policy import ChosenPolicy
from vmfit_comparator.commands.options import output_option, store_option
from vmfit_comparator.commands.references import (
    host_reference,
    read_text,
    vm_reference,
)
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.render.findings import Detail, show_check
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_comparator.virsh_options import SPELLINGS, VirshOptionError, parse_virsh_migrate
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import NO_ANSWER, AskedWronglyError
from vmfit_contract.printable import printable

_VIRSH_WORDS = "vmfit.virsh_words"


class _CheckCommand(Command):
    """Keeps what follows "--" apart: it is virsh's to spell, not click's to parse."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            place = args.index("--")
            ctx.meta[_VIRSH_WORDS] = args[place + 1 :]
            args = args[:place]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.partition("=")[0] not in SPELLINGS:
                raise
            told = f"virsh's words go after --: -- {error.option_name}"
            raise click.UsageError(f"{error.option_name} is no option; {told}", ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what a shell offers: behind "--" virsh's words."""
        if _VIRSH_WORDS in ctx.meta:
            return completed_words.virsh_words(incomplete)
        return super().shell_complete(ctx, incomplete)


def _complete_vm(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    # Behind "--" the VM is not missing: virsh's words may name it.
    return ctx.command.shell_complete(ctx, incomplete) if _VIRSH_WORDS in ctx.meta else []


@click.command(
    cls=_CheckCommand,
    options_metavar="--from HOST --to HOST [OPTIONS]",
    epilog="After -- follow the words of `virsh migrate`, as they would be typed.",
)
@click.argument("vm", required=False, shell_complete=_complete_vm)
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
@click.option("--no-probes", is_flag=True, help="Ask the agents for nothing but what they are.")
@click.option("-a", "--all", "show_all", is_flag=True, help="Show every finding.")
@click.option("--explain", is_flag=True, help="Show rules, inputs and evidence too.")
@output_option
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
    domain, options = _virsh_options(ctx)
    names = _names(vm, domain)
    chosen = ChosenPolicy(policy)
    request = CheckRequest(
        source=host_reference(source, "--from"),
        destination=host_reference(destination, "--to"),
        vm=vm_reference(vm or (None if xml or description else domain), xml, description),
        options=options,
        policy=chosen.reference,
        facts=facts,
        no_probes=no_probes,
    )
    settings: Settings = ctx.obj
    with comparator(settings, asking, store=store) as answering, chosen.located_errors():
        response = answering.check(request)
        rules = answering.list_facts().facts if explain and output == "table" else ()
    _check_name(response, names)
    # Who asks to have certain facts explained wants them whatever they answer.
    show_all = show_all or (explain and bool(facts))
    detail = Detail(show_all=show_all, explain=explain, rules={each.id: each for each in rules})
    return _show(response, output, detail)


def _show(response: CheckResponse, output: str, detail: Detail) -> int:
    """Print the answer and return the exit status."""
    emit(response, output, lambda: show_check(response, detail))
    for error in response.subject.errors if output != "table" else ():
        click.echo(printable(f"vmfit: error: {error.host}: {error.error}"), err=True)
    if response.subject.errors:
        return NO_ANSWER
    return 0 if response.verdict.acceptable else 1


def _names(vm: str | None, domain: str | None) -> list[str]:
    """Return what the VM is called, as VM and in virsh's words."""
    names = [each for each in (_plain_name(vm), domain) if each]
    if len(set(names)) > 1:
        raise click.UsageError(f"the VM is {names[0]!r}, but virsh's words say {names[1]!r}")
    return names


def _virsh_options(ctx: click.Context) -> tuple[str | None, MigrationOptions]:
    try:
        parsed = parse_virsh_migrate(
            ctx.meta.get(_VIRSH_WORDS, ()), lambda path: read_text(Path(path), "virsh migrate")
        )
    except VirshOptionError as error:
        raise click.UsageError(f"virsh migrate: {error}") from None
    return parsed.domain, parsed.options


def _plain_name(vm: str | None) -> str | None:
    return None if vm is None or vm.endswith(".json") else vm


def _check_name(response: CheckResponse, names: list[str]) -> None:
    """Refuse an answer about another VM: one from a file need not be the one that was named."""
    subject = response.subject
    known = {subject.vm_name, subject.vm_uuid.lower()} - {""}
    for name in names:
        if known and name not in known and name.lower() not in known:
            raise AskedWronglyError(f"the VM is {subject.vm_name!r}, not {name!r}")
