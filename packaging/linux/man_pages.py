"""Writes the man pages of a program from its table of commands, one for each command."""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
from click_man.core import write_man_pages

PROGRAMS = {"vmfit-agent": "vmfit_agent.cli", "vmfit": "vmfit_comparator.cli"}
REQUEST = re.compile(r"\.(TH|SH|B|PP|TP|nf|fi)\b")


def load_commands(group: click.Group) -> None:
    """Import the commands of a group that imports them only to run them."""
    summarise(group)
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            group.commands[name] = command
            if isinstance(command, click.Group):
                load_commands(command)
            else:
                summarise(command)


def summarise(command: click.Command) -> None:
    """Have a command's first sentence stand in lists, whole."""
    sentence = re.split(r"\.\s|\n\n|$", command.help or "", maxsplit=1)[0]
    command.short_help = " ".join(sentence.removesuffix(".").split())


def formatted(page: str) -> Iterator[str]:
    """Yield a page's lines as roff: click's marks for lines to keep, and no request by chance."""
    keeping = False
    for line in page.splitlines():
        if line == "\b":
            keeping = True
            yield ".nf"
        elif REQUEST.match(line):
            if keeping:
                yield ".fi"
            keeping = False
            yield line
        else:
            yield rf"\&{line}" if line.startswith((".", "'")) else line


def main(program: str, directory: str) -> None:
    """Write the pages of a program into a directory."""
    module = import_module(PROGRAMS[program])
    load_commands(module.group)
    write_man_pages(program, module.group, version=module.__version__, target_dir=directory)
    for page in Path(directory).glob("*.1"):
        page.write_text("\n".join(formatted(page.read_text())) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
