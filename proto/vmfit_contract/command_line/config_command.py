"""`config view` of a program: every setting as it is in effect, and what says so."""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from vmfit_contract.command_line.commands import Command, Group
from vmfit_contract.command_line.form_choice import FormChoice
from vmfit_contract.command_line.structured import is_structured, structured_text
from vmfit_contract.printable import printable
from vmfit_contract.settings_file import Settings

_USER_PART = re.compile(r"(?<=://)([^/@:?#]*):.*@")
_QUERY_PART = re.compile(r"(?i)([?&][^=&]*(?:pass|secret|token)[^=&]*=)[^&]*")
_SECRET_KEY = re.compile(r"(?i)pass|secret|token")
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """One setting with its value, and where that is from."""

    key: str
    value: Any
    """As JSON has it; None when nothing says it, and there is no default. Without secrets."""
    origin: str
    """"default", "environment NAME" or "file PATH"."""


def config_command(
    keys: Collection[str], options: Mapping[str, str], default_path: Path
) -> click.Command:
    """Return the command `config` of a program with these settings.

    `options` says which option a key sets that is called otherwise.
    """

    @click.group("config", cls=Group)
    def command() -> None:
        """Show the settings in effect."""

    @command.command("view", cls=Command)
    @click.option(
        "-o", "--output", type=FormChoice(["table", "json", "yaml", "name"]), default="table",
        show_default=True, help="A table for people, the same for programs, or the keys.",
    )  # fmt: skip
    @click.pass_context
    def view(ctx: click.Context, *, output: str) -> int:
        """Show every setting in effect, and where it is from; passwords are not shown.

        Options of a command go before the environment, that before the settings file, and that
        before the default.
        """
        settings: Settings = ctx.obj
        found = list(_effective(ctx, settings, keys, options))
        if is_structured(output):
            document = json.dumps([asdict(each) for each in found], indent=2)
            click.echo(structured_text(f"{document}\n", output), nl=False)
        elif output == "name":
            click.echo("\n".join(each.key for each in found))
        else:
            _show(found, f"{settings.path or f'{default_path}, which is not there'}")
        return 0

    return command


def without_secrets(value: Any, key: str = "") -> Any:  # noqa: ANN401 -- a tree of TOML
    """Return a value with passwords replaced: of URLs, and of keys that are called so."""
    if isinstance(value, Mapping):
        return {each: without_secrets(inner, each) for each, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(each, key) for each in value]
    if _SECRET_KEY.search(key):
        return _HIDDEN
    if not isinstance(value, str):
        return value if isinstance(value, bool | int | float | None) else str(value)
    return _QUERY_PART.sub(rf"\g<1>{_HIDDEN}", _USER_PART.sub(rf"\g<1>:{_HIDDEN}@", value))


def _effective(
    ctx: click.Context, settings: Settings, keys: Collection[str], options: Mapping[str, str]
) -> Iterator[EffectiveSetting]:
    known = _options(ctx.find_root())
    for key in keys:
        option = known.get(options.get(key, key))
        variable = _variable(option)
        if variable:
            value: Any = os.environ[variable]
            yield EffectiveSetting(key, without_secrets(value, key), f"environment {variable}")
        elif key in settings.values:
            value = settings.values[key]
            yield EffectiveSetting(key, without_secrets(value, key), f"file {settings.path}")
        else:
            yield EffectiveSetting(key, without_secrets(_default(option), key), "default")


def _options(root: click.Context) -> dict[str, click.Option]:
    """Return the options of all commands by their names."""
    group = root.command
    assert isinstance(group, click.Group)
    commands = [group.get_command(root, each) for each in group.list_commands(root)]
    params = [each for command in commands if command is not None for each in command.params]
    return {str(each.name): each for each in params if isinstance(each, click.Option)}


def _variable(option: click.Option | None) -> str:
    """Return the variable of the environment that sets an option now; empty for none."""
    named = option.envvar if option is not None else None
    names = [named] if isinstance(named, str) else list(named or ())
    return next((each for each in names if os.environ.get(each)), "")


def _default(option: click.Option | None) -> object:
    # click tells options without a default by a mark of its own.
    default = option.default if option is not None else None
    is_value = isinstance(default, str | int | float | list | tuple | Path)
    without = False if option is not None and option.is_flag else None
    return default if is_value else without


def _show(found: list[EffectiveSetting], file: str) -> None:
    rows = [("SETTING", "VALUE", "FROM")]
    rows += [(each.key, _text(each.value), each.origin) for each in found]
    key_width = max(len(row[0]) for row in rows)
    from_width = max(len(row[2]) for row in rows)
    click.echo(printable(f"settings file: {file}"))
    for key, value, origin in rows:
        click.echo(printable(f"{key:{key_width}}  {origin:{from_width}}  {value}"))


def _text(value: object) -> str:
    if value is None or value in ([], {}):
        return "-"
    return value if isinstance(value, str) else json.dumps(value)
