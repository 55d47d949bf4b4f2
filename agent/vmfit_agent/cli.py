"""The command vmfit-agent: its commands are imported when they run, so that each starts fast."""

import gc
import importlib
import io
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click

from vmfit_agent import __version__
from vmfit_agent.commands.options import CannotServeError, CommandError
from vmfit_agent.commands.reload import ARGUMENTS
from vmfit_agent.redaction.free_text import scrub
from vmfit_agent.settings import DEFAULT_PATH, SettingsError, option_values, read_settings
from vmfit_contract.printable import PrintableFormatter, printable, printable_lines

COMMANDS: Mapping[str, str] = {
    "serve": "Serve this host's facts over gRPC.",
    "collect": "Collect facts with privileges, for a serve process on this host.",
    "probe": "Answer questions about the network, for a collect process on this host.",
    "snapshot": "Print a snapshot of this host, or write it to a file.",
    "describe": "Describe a domain as a typed VM.",
    "record": "Copy what a snapshot is made from, so that this host can be replayed.",
    "doctor": "Tell which collectors work here, why others do not, and what to do.",
    "site-key": "Make the key by which the agents of one site mask alike.",
}


class LazyGroup(click.Group):
    """A group that imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Import the command's module, whose `command` it is."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"vmfit_agent.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Keep the command's arguments for when a service reads its settings again."""
        name, command, rest = super().resolve_command(ctx, args)
        ctx.meta[ARGUMENTS] = tuple(rest)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """Write the table of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vmfit-agent")
@click.option("-v", "--verbose", count=True, help="Say more on stderr; twice for everything.")
@click.option(
    "--config",
    envvar="VMFIT_AGENT_CONFIG",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=f"Configuration instead of {DEFAULT_PATH}.",
)
@click.pass_context
def group(ctx: click.Context, verbose: int, config: Path | None) -> None:
    """Gather this host's facts for live migration, and serve them.

    Options override VMFIT_AGENT_* in the environment, which overrides the configuration file.
    """
    levels = (logging.WARNING, logging.INFO, logging.DEBUG)
    daemon = ctx.invoked_subcommand in ("serve", "collect", "probe")
    level = levels[min(verbose + (1 if daemon else 0), 2)]
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(levelname)s: %(message)s", scrub))
    logging.basicConfig(level=level, handlers=[handler])
    try:
        settings = read_settings(config)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    ctx.obj = settings
    ctx.default_map = dict.fromkeys(COMMANDS, option_values(settings))


def run(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status; whatever goes wrong is one line on stderr."""
    try:
        status = group.main(arguments, prog_name="vmfit-agent", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        click.echo(printable_lines(scrub(told.getvalue())), nl=False, err=True)
        return 1 if isinstance(error, CannotServeError) else 2
    except click.Abort:
        return _complain("interrupted")
    except BrokenPipeError:
        return _abandon_output()
    except OSError as error:
        if error.filename is None:
            _abandon_output()
        return _complain(f"{error.filename or 'standard output'}: {error.strerror or error}")
    except Exception as error:
        logging.getLogger(__name__).debug("internal error", exc_info=True)
        return _complain(f"internal error: {type(error).__name__}: {error}")
    return int(status or 0)


def _abandon_output() -> int:
    # What is still buffered cannot be written: the interpreter must not try at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 2


def _complain(text: str) -> int:
    click.echo(printable(scrub(f"Error: {text}")), err=True)
    return 2


def main() -> NoReturn:
    """Run the command line and exit."""
    # One-shot commands end before garbage matters; serve and collect turn it on.
    gc.disable()
    status = run()
    # Collectors that hang in the kernel must not hold the end of the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
