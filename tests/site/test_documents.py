"""What the documents say that people can type, and what README says that they see then."""

import re
import shlex
from pathlib import Path

import click
import pytest

from tests.site.conftest import PROGRAMS, environment
from tests.site.terminal import seen
from vmfit_agent import cli as agent_cli
from vmfit_comparator import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
GROUPS = {"vmfit": cli.group, "vmfit-agent": agent_cli.group}
COLUMNS = 110
_BLOCK = re.compile(r"^```(?:sh|console|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_END = re.compile(r"\s(?:\|\|?|&&?|\d?>)(?:\s|$)")


def typed(text):
    """Return the commands of both programs in a text, as words."""
    for line in text.splitlines():
        words = line.strip().removeprefix("$ ")
        if words.split(" ")[0] in GROUPS:
            yield shlex.split(_END.split(words)[0], comments=True)


def documented():
    for document in DOCUMENTS:
        for block in _BLOCK.findall(document.read_text()):
            yield from typed(block)


def explained():
    """Return the examples in what --help says."""

    def below(command, context):
        yield from typed(command.help or "")
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                yield from below(command.get_command(context, name), context)

    for name, group in GROUPS.items():
        yield from below(group, click.Context(group, info_name=name))


def parse(command, name, words, parent=None):
    """Parse words as the command does. Raises click.UsageError."""
    context = command.make_context(name, list(words), parent=parent)
    rest = [*context._protected_args, *context.args]
    if isinstance(command, click.Group) and rest:
        parse(*_resolved(command, context, rest), context)


def _resolved(group, context, words):
    name, command, rest = group.resolve_command(context, words)
    return command, name, rest


@pytest.mark.parametrize("find", [documented, explained])
def test_what_people_are_told_to_type_is_understood(find):
    commands = list(find())
    assert len(commands) > 15
    for program, *words in commands:
        try:
            parse(GROUPS[program], program, words)
        except click.exceptions.Exit:  # --help and --version.
            continue
        except click.ClickException as error:
            pytest.fail(f"{shlex.join([program, *words])}: {error.format_message()}")


def without_numbers(text):
    """Return what a command showed without what changes from day to day."""
    text = re.sub(r"^as of .* UTC, (?:holds for .*|some of it .*)\n", "", text, flags=re.MULTILINE)
    counts = re.compile(r"^\d+ say yes, \d+ do not apply", re.MULTILINE)
    text = counts.sub("N say yes, N do not apply", text)
    return text.strip()


def test_readme_shows_what_the_command_shows(site):
    text = (ROOT / "README.md").read_text()
    blocks = [each for each in _BLOCK.findall(text) if each.startswith("$ vmfit ")]
    assert blocks
    hosts = {"epyc": "epyc-four-nodes", "skylake": "skylake-memory-only-node"}
    settings = ""
    for name, host in hosts.items():
        address = f"unix:{site.directory}/{name}.sock"
        site.serve("vmfit-agent", "--replay", f"{host}.json", "--listen", address)
        settings += f'[hosts.{name}]\naddress = "{address}"\n'
    config = site.directory / "comparator.toml"
    config.write_text(settings)
    variables = {**environment(), "VMFIT_CONFIG": str(config)}
    for block in blocks:
        line, _, written = block.partition("\n")
        program, *words = shlex.split(line.removeprefix("$ "))
        shown = seen([PROGRAMS / program, *words], COLUMNS, variables, site.directory)
        message = f"README.md has to show this:\n{line}\n{shown}"
        assert without_numbers(written) == without_numbers(shown), message
