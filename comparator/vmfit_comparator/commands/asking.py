"""Whom a command asks and how it proves who it is: options, environment and settings as one."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
import grpc
from click.core import ParameterSource

from vmfit_contract.connector import Connector
from vmfit_contract.tls_files import ClientTls, TlsFiles, chosen_files, default_client_files

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

DEFAULT_TIMEOUT_SECONDS = 20.0
_FILE = click.Path(path_type=Path, dir_okay=False)


class ClientFiles:
    """The client's certificate that options name, or libvirt's where they name none.

    Files are looked for when a connection needs them: who compares two files needs none.
    """

    def __init__(self, certificate: Path | None, key: Path | None, authority: Path | None) -> None:
        self.named = certificate, key, authority
        """What options name, in this order."""
        self._lock = threading.Lock()
        self._is_chosen = False
        self._tls: ClientTls | None = None

    @property
    def files(self) -> TlsFiles | None:
        """The files in use; None when there are none."""
        return None if self._tls is None else self._tls.files

    def chosen(self) -> TlsFiles | None:
        """Return which files would be used, not yet read; None for none. Raises TlsError."""
        return chosen_files(*self.named, default_client_files())

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return credentials for new channels; None when there are no files. Raises TlsError."""
        with self._lock:
            if not self._is_chosen:
                files = self.chosen()
                self._tls = None if files is None else ClientTls(files)
                self._is_chosen = True
        return None if self._tls is None else self._tls.credentials()


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom a command asks, and how."""

    server: str | None
    """A comparator's address; None answers in the command itself."""
    timeout: float
    """Seconds."""
    insecure: bool
    tls: ClientFiles

    def connector(self) -> Connector:
        """Return what opens the connections."""
        return Connector(insecure=self.insecure, tls=self.tls)


def comparator_options(function: AnyFunction) -> AnyFunction:
    """Add --server and the options of a connection; the function gets them as `asking`."""
    return click.option(
        "--server",
        metavar="ADDRESS",
        envvar="VMFIT_SERVER",
        help="Ask this running comparator instead of answering here.",
    )(connection_options(function))


def connection_options(function: AnyFunction) -> AnyFunction:
    """Add --timeout, --insecure and --tls-*; the function gets them as `asking`."""

    @wraps(function)
    def with_asking(
        *arguments: object,
        timeout: float,
        insecure: bool,
        tls_cert: Path | None,
        tls_key: Path | None,
        tls_ca: Path | None,
        server: str | None = None,
        **others: object,
    ) -> object:
        plain = insecure and _is_nearer("insecure", ("tls_cert", "tls_key", "tls_ca"))
        asking = Asking(server, timeout, plain, ClientFiles(tls_cert, tls_key, tls_ca))
        return function(*arguments, asking=asking, **others)

    decorated: Any = with_asking
    for option in _OPTIONS:
        decorated = option(decorated)
    wrapped: AnyFunction = decorated
    return wrapped


_OPTIONS = (
    click.option(
        "--tls-ca",
        type=_FILE,
        metavar="FILE",
        envvar="VMFIT_TLS_CA",
        help="The authority of the other side's certificate, PEM.",
    ),
    click.option(
        "--tls-key",
        type=_FILE,
        metavar="FILE",
        envvar="VMFIT_TLS_KEY",
        help="The certificate's key, PEM.",
    ),
    click.option(
        "--tls-cert",
        type=_FILE,
        metavar="FILE",
        envvar="VMFIT_TLS_CERT",
        help="This side's certificate, PEM.  [default: libvirt's]",
    ),
    click.option(
        "--insecure",
        is_flag=True,
        envvar="VMFIT_INSECURE",
        help="Plain text over the network instead of TLS.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0, 86400, min_open=True),
        default=DEFAULT_TIMEOUT_SECONDS,
        show_default=True,
        metavar="SECONDS",
        envvar="VMFIT_TIMEOUT",
        help="How long to wait for the answer.",
    ),
)
_NEAREST_FIRST = (
    ParameterSource.COMMANDLINE,
    ParameterSource.ENVIRONMENT,
    ParameterSource.DEFAULT_MAP,
)


def _is_nearer(name: str, others: tuple[str, ...]) -> bool:
    """Return whether an option was said nearer to the command than any of the others.

    Raises click.UsageError when both were said at the same place.
    """
    source_of = click.get_current_context().get_parameter_source
    for place in _NEAREST_FIRST:
        is_here = source_of(name) is place
        rivals = [each for each in others if source_of(each) is place]
        if is_here and rivals:
            rival = rivals[0].replace("_", "-")
            raise click.UsageError(f"--{name} and --{rival} exclude each other")
        if is_here or rivals:
            return is_here
    return True
