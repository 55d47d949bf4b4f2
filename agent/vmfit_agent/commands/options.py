"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vmfit_agent.content_directories import content_directory_complaint
from vmfit_contract.address import AGENT_PORT, Address, AddressError, parse_address
from vmfit_contract.command_line.exit_status import AskedWronglyError, CannotServeError
from vmfit_contract.listening import ListenError, TakenError
from vmfit_contract.spelling import meant_or_known

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_LISTEN = f"[::]:{AGENT_PORT}"
# Where the service's RuntimeDirectory is.
LOCAL_LISTEN = "unix:/run/vmfit-agent/agent.sock"
DEFAULT_SOCKET = "/run/vmfit/collect.sock"
DEFAULT_URI = "qemu:///system"
DEFAULT_ATTRIBUTES = "/etc/vmfit/attributes.d"


def listen_failure(error: ListenError) -> click.ClickException:
    """Return what ends a service that cannot listen."""
    kind = CannotServeError if isinstance(error, TakenError) else AskedWronglyError
    return kind(str(error))


class AddressOption(click.ParamType[Address]):
    """An address of an agent."""

    name = "address"

    def __init__(self, default_port: int = AGENT_PORT) -> None:
        self._default_port = default_port

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        """Parse what was typed."""
        if isinstance(value, Address):
            return value
        try:
            return parse_address(str(value), self._default_port)
        except AddressError as error:
            self.fail(str(error), param, ctx)


def host_options(function: Function) -> Function:
    """Add the options that say which host is read."""
    for decorate in (
        click.option(
            "--attributes",
            default=DEFAULT_ATTRIBUTES,
            envvar="VMFIT_AGENT_ATTRIBUTES",
            metavar="DIR",
            help="Operators' own facts: JSON files in this directory, below the root.",
            show_default=True,
            type=click.Path(path_type=Path),
        ),
        click.option(
            "--libvirt-uri",
            default=(DEFAULT_URI,),
            envvar="VMFIT_AGENT_LIBVIRT_URI",
            metavar="URI",
            multiple=True,
            help="libvirt to ask, several times for several; 'none' for no libvirt.",
            show_default=True,
        ),
        click.option(
            "--root",
            default="/",
            envvar="VMFIT_AGENT_ROOT",
            metavar="DIR",
            help="Read a recorded host in this directory instead of this host.",
            show_default=True,
            type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
        ),
    ):
        function = decorate(function)
    return function


def content_option(function: Function) -> Function:
    """Add the option that narrows which files clients may ask about."""
    return click.option(
        "--content-directory",
        callback=_directories,
        default=(),
        envvar="VMFIT_AGENT_CONTENT_DIRECTORY",
        metavar="DIR",
        multiple=True,
        help="Tell clients only of files below this directory, several times for several; "
        "without it of all but the system's own.",
    )(function)


def _directories(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    for each in value:
        if why := content_directory_complaint(each):
            raise click.BadParameter(f"{each[:100]!r} {why}", ctx, param)
    return value


def part_names(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> list[str]:
    """Return the parts that an option names, checked."""
    from vmfit_contract.parts import PART_NAMES  # noqa: PLC0415 -- `--help` need not wait for it

    for name in value:
        if name not in PART_NAMES:
            hint = meant_or_known(name, PART_NAMES)
            raise click.BadParameter(f"no part is called {name[:100]!r}{hint}", ctx, param)
    return list(value)


def complete_parts(
    _: click.Context, __: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Return the parts that a shell offers."""
    from vmfit_contract.command_line.completion import matching  # noqa: PLC0415
    from vmfit_contract.parts import PART_NAMES  # noqa: PLC0415 -- as above

    return matching(PART_NAMES, incomplete)
