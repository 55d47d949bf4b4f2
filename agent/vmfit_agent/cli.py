"""The command vmfit-agent: its commands are imported when they run, so that each starts fast."""

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click

from vmfit_agent import __version__
from vmfit_agent.redaction.free_text import scrub
from vmfit_agent.settings import DEFAULT_PATH, SettingsError, option_values, read_settings
from vmfit_contract.command_line.commands import LazyGroup, say_as_service
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.command_line.program import Program
from vmfit_contract.service_log import log_as_service

COMMANDS: Mapping[str, str] = {
    "serve": "Serve this host's facts over gRPC.",
    "collect": "Collect facts with privileges, for a serve process on this host.",
    "probe": "Answer questions about the network, for a collect process on this host.",
    "prepare": "Promise this host's memory to VMs that are to come, for a serve process.",
    "snapshot": "Print a snapshot of this host, or write it to a file.",
    "describe": "Describe a domain as a typed VM.",
    "record": "Copy what a snapshot is made from, so that this host can be replayed.",
    "doctor": "Tell which collectors work here, why others do not, and what to do.",
    "config": "The settings in effect, and where each is from.",
    "site-key": "Make the key by which the agents of one site mask alike.",
    "completion": "Print what completes the words of vmfit-agent in bash, zsh or fish.",
}
FILES = ((str(DEFAULT_PATH), "Settings: what is served and probed, certificates, roles."),)
"""What the manual names."""
_SERVICES = ("serve", "collect", "probe", "prepare")


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    package="vmfit_agent.commands",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name="vmfit-agent")
@click.option(
    "--config",
    envvar="VMFIT_AGENT_CONFIG",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=f"Configuration instead of {DEFAULT_PATH}.",
)
@click.pass_context
def group(ctx: click.Context, config: Path | None) -> None:
    """Gather this host's facts for live migration, and serve them.

    Options override VMFIT_AGENT_* in the environment, which overrides the configuration file.

    The exit status is 0 when all is well, 1 when it is not, 2 when there is no answer, 3 when
    something has to be asked otherwise: a mistyped name, a file that cannot be used.
    """
    if ctx.invoked_subcommand in _SERVICES:
        log_as_service(scrub)
        say_as_service(ctx)
    try:
        settings = read_settings(config)
    except SettingsError as error:
        raise AskedWronglyError(str(error)) from None
    ctx.obj = settings
    ctx.default_map = dict.fromkeys(COMMANDS, option_values(settings))


PROGRAM = Program("vmfit-agent", group, scrub)


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status; whatever goes wrong is one line on stderr."""
    return PROGRAM.run(arguments)


def main() -> NoReturn:
    """Run the command line and end the process."""
    # One-shot commands end before garbage matters; serve and collect turn it on. Nor is the end
    # of collectors waited for that hang in the kernel.
    gc.disable()
    PROGRAM.main()
