"""Completion of a program's words in bash, zsh and fish, by click's own scripts."""

import contextlib
import io
import logging
import os
from collections.abc import Iterable

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    get_completion_class,
    shell_complete,
)

from vmfit_contract.command_line.commands import Command

SHELLS = ("bash", "zsh", "fish")


def variable_of(program: str) -> str:
    """Return the environment variable by which a shell asks a program."""
    return f"_{program.replace('-', '_').upper()}_COMPLETE"


def completion_script(group: click.Command, program: str, shell: str) -> str:
    """Return what a shell has to read to complete a program's words."""
    kind = get_completion_class(shell)
    assert kind is not None
    # bash's own would start bash to look at its version.
    return ShellComplete.source(kind(group, {}, program, variable_of(program)))


def answer_shell(group: click.Command, program: str) -> bool:
    """Print what may come next, if a shell asks; return whether it does.

    A shell that asks in the middle of a line hears of no error.
    """
    variable = variable_of(program)
    instruction = os.environ.get(variable)
    if instruction:
        logging.disable()
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                shell_complete(group, {}, program, variable, instruction)
        except Exception:  # noqa: BLE001 -- the boundary: no answer completes nothing
            return True
        finally:
            logging.disable(logging.NOTSET)
    return bool(instruction)


def names_and_files(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Return names that begin so; where none does a shell offers files."""
    files = CompletionItem(incomplete, type="file")
    return [files, *matching(names, incomplete)]


def matching(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Return the names that begin so."""
    return [CompletionItem(each) for each in names if each.startswith(incomplete)]


def completion_command() -> click.Command:
    """Return the command that prints a program's script."""

    @click.command("completion", cls=Command)
    @click.argument("shell", type=click.Choice(SHELLS))
    @click.pass_context
    def command(ctx: click.Context, *, shell: str) -> int:
        """Print what completes this program's words in a shell.

        \b
        bash  source <(vmfit completion bash)
        zsh   source <(vmfit completion zsh)
        fish  vmfit completion fish | source

        Packages install it.
        """  # noqa: D301 -- click's mark for lines to keep
        root = ctx.find_root()
        click.echo(completion_script(root.command, root.info_name or "", shell), nl=False)
        return 0

    return command
