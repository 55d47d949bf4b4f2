"""The `vmfit` command: its subcommands, loaded when they run, and how failures are shown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click

from vmfit_comparator import __version__
from vmfit_comparator.settings import DEFAULT_PATH, SettingsError, option_values, read_settings
from vmfit_contract.command_line.commands import LazyGroup
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.command_line.program import Program

COMMANDS: Mapping[str, str] = {
    "check": "Can a VM move from one host to another?",
    "rank": "To which hosts can a VM move, the best first?",
    "diff": "What differs between two hosts?",
    "history": "What changed on a host, and when?",
    "when": "Since when can a VM move, or not, and what changed then?",
    "baseline": "What can all these hosts give to a guest?",
    "vms": "Which VMs does a host have?",
    "reserve": "Have a destination promise a VM's memory for a while.",
    "release": "Give back what was promised to a VM.",
    "leases": "Which memory has a host promised, and to whom?",
    "snapshot": "What does a host say of itself?",
    "facts": "The catalogue of facts, or one of them explained.",
    "hosts": "The hosts of the inventory, and which of them answer.",
    "outcome": "Report what became of a migration that was checked.",
    "calibration": "How often did the answers come true?",
    "serve": "Answer such questions over gRPC.",
    "doctor": "Does everything that the settings name work, and what to do if not?",
    "config": "The settings in effect, and where each is from.",
    "certs": "Make and show certificates of agents, comparators and their clients.",
    "completion": "Print what completes the words of vmfit in bash, zsh or fish.",
}
FILES = ((str(DEFAULT_PATH), "Settings: hosts, policies, store, certificates and roles."),)
"""What the manual names."""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    package="vmfit_comparator.commands",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
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
    snapshot file; HOST@TIME is the host as it was (alpha@2026-11-22T14:03, alpha@3d). Settings come
    from the settings file, then from the environment (VMFIT_SERVER, VMFIT_TLS_CERT, VMFIT_TLS_KEY,
    VMFIT_TLS_CA, VMFIT_INSECURE, VMFIT_TIMEOUT, VMFIT_POLICY, VMFIT_OUTPUT, VMFIT_STORE), then from
    the options. Connections over the network use TLS with the certificate that these name, or
    libvirt's.

    The exit status is 0 for yes, 1 for no (with diff: they differ), 2 when there is no answer, 3
    when something has to be asked otherwise: a mistyped name, a file that cannot be used.
    """  # noqa: D301 -- click's mark for lines to keep
    try:
        settings = read_settings(config)
    except SettingsError as error:
        raise AskedWronglyError(str(error)) from None
    ctx.obj = settings
    ctx.default_map = dict.fromkeys(COMMANDS, option_values(settings))


PROGRAM = Program("vmfit", group)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit status. Failures are one line on standard error."""
    return PROGRAM.run(arguments)


def main() -> NoReturn:
    """Run the command line and end the process."""
    PROGRAM.main()
