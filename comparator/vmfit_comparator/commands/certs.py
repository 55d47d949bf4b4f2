"""`vmfit certs`: a small certificate authority for agents, comparators and their clients."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from vmfit_comparator.certs import kinds
from vmfit_comparator.certs.certificate_error import CertificateError
from vmfit_comparator.certs.issued_files import issue, issue_authority, renew
from vmfit_comparator.certs.summary import summaries
from vmfit_comparator.render.certificates import show_certificates
from vmfit_comparator.render.terminal import Terminal
from vmfit_contract.command_line.commands import Group
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.command_line.form_choice import FormChoice
from vmfit_contract.command_line.structured import is_structured, structured_text

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)
_FOREVER_DAYS = 36500


@click.group(cls=Group)
def command() -> None:
    """Make and show the certificates of agents, comparators and their clients.

    \b
    vmfit certs ca site                                        # once: the authority
    vmfit certs agent -d site alpha.example 192.0.2.1          # on alpha: its names and addresses
    vmfit certs comparator -d site vmfit.example
    vmfit certs client -d site alice@example.org
    vmfit certs show site/*.pem
    vmfit certs renew site/agent-*.pem

    A NAME is a DNS name, an address, an e-mail address or uri:URI. Every program gets the
    authority's certificate (ca.pem), its own certificate and its own key; the authority's key
    (ca.key) stays where it is.
    """  # noqa: D301 -- click's mark for lines to keep


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except CertificateError as error:
        raise AskedWronglyError(str(error)) from None


def _days_option(default: int | None) -> Callable[[AnyFunction], AnyFunction]:
    return click.option(
        "--days",
        type=click.IntRange(1, _FOREVER_DAYS),
        metavar="DAYS",
        default=default,
        show_default=default or f"{kinds.CERTIFICATE_DAYS}; an authority's {kinds.AUTHORITY_DAYS}",
        help="How long it lasts.",
    )


def _directory_option(function: AnyFunction) -> AnyFunction:
    return click.option(
        "-d",
        "--directory",
        metavar="DIR",
        type=_PATH,
        default=".",
        envvar="VMFIT_CERTS",
        help="The authority's directory.  [default: the working directory]",
    )(function)


_force_option = click.option("--force", is_flag=True, help="Replace a key that exists.")


@command.command("ca")
@click.argument("directory", metavar="DIR", type=_PATH)
@click.option("--name", help="What it is called.  [default: vmfit authority, and a number]")
@_days_option(kinds.AUTHORITY_DAYS)
@_force_option
def make_authority(*, directory: Path, name: str | None, days: int, force: bool) -> None:
    """Make an authority in a directory: ca.pem for everybody, ca.key for nobody else."""
    if name is None:
        # Errors tell authorities apart by their names.
        name = f"vmfit authority {secrets.token_hex(4)}"
    with _errors_in_one_line():
        path = issue_authority(directory, name, days=days, now=_now(), force=force)
        _told(path)


def _issuing(kind: kinds.Kind, text: str) -> None:
    @command.command(kind.name, help=text)
    @click.argument("names", metavar="NAME...", nargs=-1, required=True)
    @_days_option(kinds.CERTIFICATE_DAYS)
    @_directory_option
    @_force_option
    def make(*, names: tuple[str, ...], days: int, directory: Path, force: bool) -> None:
        with _errors_in_one_line():
            _told(issue(directory, kind, names, days=days, now=_now(), force=force))


_issuing(
    kinds.AGENT,
    "Issue the certificate of one host's agent. NAMEs are all names and addresses by which "
    "comparators call it.",
)
_issuing(
    kinds.COMPARATOR,
    "Issue the certificate of a comparator: `vmfit serve`, or whoever asks agents to probe. NAMEs "
    "are those by which its clients call it.",
)
_issuing(
    kinds.CLIENT,
    "Issue the certificate of a person or program that asks comparators, and agents for what "
    "takes no probes. The settings' [roles] know it by its NAMEs.",
)


@command.command("renew")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_PATH)
@_days_option(None)
@click.option(
    "-d",
    "--directory",
    metavar="DIR",
    type=_PATH,
    help="The authority's directory.  [default: the certificate's]",
)
def renew_files(*, files: tuple[Path, ...], days: int | None, directory: Path | None) -> None:
    """Replace certificates by such that last longer; keys and names stay.

    No key but the authority's is needed for it. Renewing ca.pem leaves what it has signed valid.
    """
    with _errors_in_one_line():
        for path in files:
            renew(path, directory or path.parent, days=days, now=_now())
            _told(path)


@command.command("show")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_PATH)
@click.option(
    "-o",
    "--output",
    type=FormChoice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="A table for people, or the same for programs.",
)
@click.option(
    "--within",
    "within_days",
    type=click.IntRange(0, _FOREVER_DAYS),
    default=0,
    metavar="DAYS",
    help="Count what expires so soon as expired.",
)
def show(*, files: tuple[Path, ...], output: str, within_days: int) -> int:
    """Show what certificates are called, what they are good for, and when they expire.

    The exit status is 1 when one of them is expired or not valid yet.
    """
    now = _now()
    with _errors_in_one_line():
        found = [each for path in files for each in summaries(path, now)]
    if is_structured(output):
        document = json.dumps([asdict(each) for each in found], indent=2)
        click.echo(structured_text(f"{document}\n", output), nl=False)
    else:
        show_certificates(found, Terminal.of_stdout())
    return 1 if any(each.trouble or each.days_left < within_days for each in found) else 0


def _told(path: Path) -> None:
    (summary,) = summaries(path, _now())
    names = f": {', '.join(summary.names)}" if summary.names else ""
    click.echo(f"{path}{names}; expires on {summary.not_after[:10]}")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
