"""What follows "--" on a command line: the words of `virsh migrate`."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.references import read_text
from vmfit_comparator.virsh_options import SPELLINGS, VirshOptionError, parse_virsh_migrate
from vmfit_contract.command_line.commands import Command

EPILOG = "After -- follow the words of `virsh migrate`, as they would be typed."
_WORDS = "vmfit.virsh_words"


class MigrationCommand(Command):
    """Keeps what follows "--" apart: it is virsh's to spell, not click's to parse."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before "--". Raises click.UsageError."""
        if "--" in args:
            place = args.index("--")
            ctx.meta[_WORDS] = args[place + 1 :]
            args = args[:place]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.partition("=")[0] not in SPELLINGS:
                raise
            told = f"virsh's words go after --: -- {error.option_name}"
            raise click.UsageError(f"{error.option_name} is no option; {told}", ctx) from None

    def advice_on_repetition(self, option: str) -> str:
        """Return which command takes several destinations."""
        several = option == "--to"
        return "; `vmfit rank` compares several destinations" if several else ""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what a shell offers: behind "--" virsh's words."""
        if _WORDS in ctx.meta:
            return completed_words.virsh_words(incomplete)
        return super().shell_complete(ctx, incomplete)


def complete_vm(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the source's VMs; behind "--" virsh's words: they may name the VM."""
    if _WORDS in ctx.meta:
        return ctx.command.shell_complete(ctx, incomplete)
    return completed_words.vms(ctx, param, incomplete)


def virsh_options(ctx: click.Context) -> tuple[str | None, MigrationOptions]:
    """Return the domain that virsh's words name, and their options. Raises click.UsageError."""
    try:
        parsed = parse_virsh_migrate(
            ctx.meta.get(_WORDS, ()), lambda path: read_text(Path(path), "virsh migrate")
        )
    except VirshOptionError as error:
        raise click.UsageError(f"virsh migrate: {error}") from None
    return parsed.domain, parsed.options


def vm_names(vm: str | None, domain: str | None) -> list[str]:
    """Return what the VM is called, as VM and in virsh's words. Raises click.UsageError."""
    plain = None if vm is None or vm.endswith(".json") else vm
    names = [each for each in (plain, domain) if each]
    if len(set(names)) > 1:
        raise click.UsageError(f"the VM is {names[0]!r}, but virsh's words say {names[1]!r}")
    return names
