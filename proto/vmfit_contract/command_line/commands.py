"""Commands of a program: loaded when they run, alike in what all of them take and refuse."""

import importlib
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from vmfit_contract.spelling import did_you_mean

ARGUMENTS = "vmfit.arguments"
"""Where the context keeps what was typed after the command's name."""
_VERBOSE = "vmfit.verbose"
_BASE = "vmfit.level"
_STEP = logging.WARNING - logging.INFO


def verbose_option() -> click.Option:
    """Return -v, which any command takes."""
    return click.Option(
        ["-v", "--verbose"],
        count=True,
        expose_value=False,
        callback=_say_more,
        help="Say more on standard error; twice for everything.",
    )


def _say_more(ctx: click.Context, _: click.Parameter, count: int) -> None:
    if count:
        # Given before the command's name and behind it, both count.
        ctx.meta[_VERBOSE] = ctx.meta.get(_VERBOSE, 0) + count
        _set_level(ctx)


def say_as_service(ctx: click.Context) -> None:
    """Have a service log what is informative, and everything with -v."""
    ctx.meta[_BASE] = logging.INFO
    _set_level(ctx)


def _set_level(ctx: click.Context) -> None:
    base: int = ctx.meta.get(_BASE, logging.WARNING)
    level = base - _STEP * ctx.meta.get(_VERBOSE, 0)
    logging.getLogger().setLevel(max(level, logging.DEBUG))


class Command(click.Command):
    """Takes -v, and refuses an option with one value that is given twice."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 -- click's
        super().__init__(*arguments, **keywords)
        self.params.append(verbose_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what was typed. Raises click.UsageError."""
        if not ctx.resilient_parsing:
            self._refuse_repetition(ctx, args)
        return super().parse_args(ctx, args)

    def advice_on_repetition(self, option: str) -> str:  # noqa: ARG002 -- for those who know
        """Return what follows the complaint about an option that is given twice."""
        return ""

    def _refuse_repetition(self, ctx: click.Context, args: list[str]) -> None:
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for param, count in Counter(given).items():
            one_value = isinstance(param, click.Option) and not (
                param.multiple or param.count or param.is_flag
            )
            if one_value and count > 1:
                name = max(param.opts, key=len)
                advice = self.advice_on_repetition(name)
                raise click.UsageError(f"{name} is given {_times(count)}{advice}", ctx)


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


class Group(click.Group):
    """Commands below a command: `vmfit certs`."""

    command_class = Command


class LazyGroup(click.Group):
    """A program: imports a command's module when it runs, so that each starts fast.

    `table` says by a command's name what it does; the command is `command` in the module of that
    name in `package`. `help COMMAND` and `version` do what --help and --version do.
    """

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401 -- click's
        table: Mapping[str, str],
        package: str,
        **keywords: Any,  # noqa: ANN401 -- as above
    ) -> None:
        super().__init__(*arguments, **keywords)
        self.table = table
        self._package = package
        self.params.append(verbose_option())

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the commands in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as above
        """Import the command's module, whose `command` it is."""
        if cmd_name not in self.table:
            return None
        module = importlib.import_module(f"{self._package}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        # The table's line also stands in lists of commands that other programs make.
        command.short_help = self.table[cmd_name]
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take "help COMMAND" and "version" for what other programs call so."""
        if args[:1] == ["help"]:
            args = [*args[1:], "--help"]
        elif args == ["version"]:
            args = ["--version"]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant, with its arguments. Raises click.UsageError."""
        is_unknown = args[0] not in self.table and not args[0].startswith("-")
        if is_unknown and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}{did_you_mean(args[0], self.table)}")
        name, command, rest = super().resolve_command(ctx, args)
        # A service reads its settings again with them.
        ctx.meta[ARGUMENTS] = tuple(rest)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- as above
        """Write the table of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))
