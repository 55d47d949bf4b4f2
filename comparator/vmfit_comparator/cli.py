"""The `vmfit` command: its subcommands, loaded when they run, and how failures are shown."""

import importlib
import io
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from vmfit_comparator import __version__
from vmfit_comparator.commands.reload import ARGUMENTS
from vmfit_comparator.settings import DEFAULT_PATH, SettingsError, option_values, read_settings
from vmfit_contract.printable import printable
from vmfit_contract.spelling import did_you_mean

COULD_NOT_ANSWER = 2
_COMMANDS = {
    "check": "Can a VM move from one host to another?",
    "diff": "What differs between two hosts?",
    "baseline": "What can all these hosts give to a guest?",
    "facts": "The catalogue of facts, or one of them explained.",
    "hosts": "The hosts of the inventory, and which of them answer.",
    "outcome": "Report what became of a migration that was checked.",
    "calibration": "How often did the answers come true?",
    "serve": "Answer such questions over gRPC.",
    "doctor": "Does everything that the settings name work, and what to do if not?",
    "certs": "Make and show certificates of agents, comparators and their clients.",
}


class _LazyGroup(click.Group):
    """Imports a subcommand's module when the subcommand runs: help and completion stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"vmfit_comparator.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}{did_you_mean(args[0], _COMMANDS)}")
        name, command, rest = super().resolve_command(ctx, args)
        # A service reads its settings again with them.
        ctx.meta[ARGUMENTS] = tuple(rest)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vmfit")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="VMFIT_CONFIG",
    help=f"Settings file.  [default: {DEFAULT_PATH}]",
)
@click.pass_context
def group(ctx: click.Context, config: Path | None) -> None:
    """Tell, fact by fact and with evidence, whether a VM can move to another host.

    \b
    vmfit check web --from alpha --to beta -- --live --p2p
    vmfit check web --from alpha:16530 --to unix:/run/vmfit/agent.sock
    vmfit diff alpha.json beta.json
    vmfit baseline alpha beta gamma

    A HOST is a name of the inventory, an agent's address (host:port, [IPv6]:port, unix:PATH) or a
    snapshot file. Settings come from the settings file, then from the environment (VMFIT_SERVER,
    VMFIT_TLS_CERT, VMFIT_TLS_KEY, VMFIT_TLS_CA, VMFIT_INSECURE, VMFIT_TIMEOUT, VMFIT_POLICY,
    VMFIT_OUTPUT, VMFIT_STORE), then from the options. Connections over the network use TLS with the
    certificate that these name, or libvirt's.

    The exit status is 0 for yes, 1 for no (with diff: they differ), 2 when there is no answer.
    """  # noqa: D301 -- click's mark for lines to keep
    try:
        settings = read_settings(config)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    ctx.obj = settings
    ctx.default_map = dict.fromkeys(_COMMANDS, option_values(settings))


def main() -> None:
    """Run the command line and exit with its status."""
    # As an exception an interrupt can come up in a finalizer, which swallows it. Who started the
    # command in a loop is to see that it was interrupted, too.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logging.getLogger().addHandler(handler)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the locale cannot write is escaped.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


class _OneLine(logging.Formatter):
    """What a person gets to see of a log record: no traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return _line(f"{record.levelname.lower()}: {record.getMessage()}")


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit status. Failures are one line on standard error."""
    try:
        status: Any = group.main(list(arguments), prog_name="vmfit", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return COULD_NOT_ANSWER
    except click.ClickException as error:
        return _fail(error.format_message())
    except BrokenPipeError:
        # Whoever read the output has enough; nothing more is to be written at exit either.
        _drop_output()
        return COULD_NOT_ANSWER
    except OSError as error:
        # Files are read where their names are known: what is left is the output.
        _drop_output()
        return _fail(f"cannot write the answer: {error.strerror or error}")
    return int(status or 0)


def _fail(message: str) -> int:
    click.echo(_line(f"error: {message}"), err=True)
    return COULD_NOT_ANSWER


def _line(message: str) -> str:
    # Hosts, files and servers have their say in messages.
    return f"vmfit: {' '.join(printable(message).split())}"


def _drop_output() -> None:
    """Send what is still to be written to nowhere, lest the exit fails on it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
