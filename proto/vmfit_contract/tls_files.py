"""Certificates in files: read, checked, and read again when they change."""

import logging
import os
import ssl
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import grpc

from vmfit_contract.x509 import parse_pem

_LOG = logging.getLogger(__name__)
_MAX_BYTES = 1 << 20


class TlsError(ValueError):
    """Certificates that cannot be used; the message names the file."""


class TlsFiles(NamedTuple):
    """One side's certificate chain with its key, and the authority of its peers; PEM files."""

    certificate: Path
    key: Path
    authority: Path


# Source: libvirt's "TLS certificates", https://libvirt.org/kbase/tlscerts.html
LIBVIRT_SERVER = TlsFiles(
    Path("/etc/pki/libvirt/servercert.pem"),
    Path("/etc/pki/libvirt/private/serverkey.pem"),
    Path("/etc/pki/CA/cacert.pem"),
)
LIBVIRT_CLIENT = TlsFiles(
    Path("/etc/pki/libvirt/clientcert.pem"),
    Path("/etc/pki/libvirt/private/clientkey.pem"),
    Path("/etc/pki/CA/cacert.pem"),
)


def default_client_files() -> TlsFiles:
    """Return where libvirt's clients have their certificate: below ~/.pki for users who have one.

    Source: libvirt's "TLS certificates", https://libvirt.org/kbase/tlscerts.html
    """
    own = Path("~/.pki/libvirt").expanduser()
    certificate, key, authority = (
        own / each for each in ("clientcert.pem", "clientkey.pem", "cacert.pem")
    )
    if os.geteuid() == 0 or not (certificate.exists() and key.exists()):
        return LIBVIRT_CLIENT
    return TlsFiles(certificate, key, authority if authority.exists() else LIBVIRT_CLIENT.authority)


class Expiry(NamedTuple):
    """When a file's certificates end: the first of them to end counts."""

    path: Path
    not_after: datetime


class _Contents(NamedTuple):
    certificate: bytes
    key: bytes
    authority: bytes


def chosen_files(
    certificate: Path | None, key: Path | None, authority: Path | None, default: TlsFiles
) -> TlsFiles | None:
    """Return the files that settings name or, when they name none, the default ones.

    None when they name none and the default ones are not all there, or are not this user's to
    read, which is logged. Raises TlsError when some are named and some are not.
    """
    named = {"tls_cert": certificate, "tls_key": key, "tls_ca": authority}
    missing = [name for name, path in named.items() if path is None]
    if certificate and key and authority:
        return TlsFiles(certificate, key, authority)
    if len(missing) < len(named):
        raise TlsError(
            f"tls_cert, tls_key and tls_ca belong together: {' and '.join(missing)} missing"
        )
    try:
        # A directory that this user may not search counts as one without files.
        there = all(path.exists() for path in default)
    except OSError:
        there = False
    closed = [path for path in default if not os.access(path, os.R_OK)] if there else []
    for path in closed:
        _LOG.warning("%s: this user may not read it, so libvirt's certificates are not used", path)
    return default if there and not closed else None


def expiries(files: TlsFiles) -> Iterator[Expiry]:
    """Yield when the certificate's chain and the authority end; raises TlsError."""
    for path in (files.certificate, files.authority):
        yield _expiry(path, _read(path))


class FollowedFiles:
    """The contents of TLS files as they are by now. Safe to use from several threads.

    What cannot be used is told in the log, once, and what was good before stays in use.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Read the files; raises TlsError."""
        self.files = files
        self._lock = threading.Lock()
        self._seen = _state(files)
        self._contents = _checked(files)

    def latest(self) -> _Contents:
        """Return the contents, read again when a file was changed since; never raises."""
        with self._lock:
            seen = _state(self.files)
            if seen != self._seen:
                self._seen = seen
                try:
                    self._contents = _checked(self.files)
                except TlsError as error:
                    _LOG.warning("%s; the certificates read before stay in use", error)
                else:
                    _LOG.info("read %s and its key again", self.files.certificate)
            return self._contents

    def reload(self) -> None:
        """Read the files again, changed or not; raises TlsError and keeps what was good then."""
        with self._lock:
            self._seen = _state(self.files)
            self._contents = _checked(self.files)


class ServerTls:
    """A server's credentials, which demand a certificate of every client."""

    def __init__(self, files: TlsFiles) -> None:
        """Read the files; raises TlsError."""
        self._followed = FollowedFiles(files)
        self._given: _Contents | None = None

    @property
    def files(self) -> TlsFiles:
        """Where the certificates come from."""
        return self._followed.files

    def reload(self) -> None:
        """Read the files again; raises TlsError and keeps what was good then."""
        self._followed.reload()

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials whose every handshake uses what the files hold by then."""
        self._given = self._followed.latest()
        return grpc.dynamic_ssl_server_credentials(
            _configuration(self._given),
            # Its documentation gives None the meaning of no change; its types forget that.
            self._changed,  # type: ignore[arg-type]
            require_client_authentication=True,
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what is new since the last handshake; None for nothing."""
        latest = self._followed.latest()
        if latest is self._given:
            return None
        self._given = latest
        return _configuration(latest)


class ClientTls:
    """A client's credentials."""

    def __init__(self, files: TlsFiles) -> None:
        """Read the files; raises TlsError."""
        self._followed = FollowedFiles(files)
        self._lock = threading.Lock()
        self._given: tuple[_Contents, grpc.ChannelCredentials] | None = None

    @property
    def files(self) -> TlsFiles:
        """Where the certificates come from."""
        return self._followed.files

    def reload(self) -> None:
        """Read the files again; raises TlsError and keeps what was good then."""
        self._followed.reload()

    def credentials(self) -> grpc.ChannelCredentials:
        """Return credentials for new channels: the same object until the files change."""
        latest = self._followed.latest()
        with self._lock:
            if self._given is None or self._given[0] is not latest:
                credentials = grpc.ssl_channel_credentials(
                    latest.authority, latest.key, latest.certificate
                )
                self._given = latest, credentials
            return self._given[1]


def _configuration(contents: _Contents) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(contents.key, contents.certificate)], root_certificates=contents.authority
    )


def _state(files: TlsFiles) -> tuple[tuple[int, int, int] | None, ...]:
    return tuple(map(_file_state, files))


def _file_state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _checked(files: TlsFiles) -> _Contents:
    """Return the contents of files that belong together; raises TlsError."""
    contents = _Contents(*map(_read, files))
    _expiry(files.certificate, contents.certificate)
    _expiry(files.authority, contents.authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(files.certificate, files.key, password="")
    except (ssl.SSLError, OSError, ValueError):
        raise TlsError(
            f"{files.certificate} and {files.key}: not a certificate and its key without a password"
        ) from None
    return contents


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise TlsError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise TlsError(f"{path}: larger than {_MAX_BYTES} bytes")
    return content


def _expiry(path: Path, content: bytes) -> Expiry:
    try:
        return Expiry(path, min(each.not_after for each in parse_pem(content)))
    except ValueError as error:
        raise TlsError(f"{path}: {error}") from None
