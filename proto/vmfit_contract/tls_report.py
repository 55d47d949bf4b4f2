"""What is right and wrong with a program's own TLS files, file by file, for people."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from vmfit_contract.memory_handshake import PURPOSE, UNKNOWN_AUTHORITY, judged
from vmfit_contract.printable import printable
from vmfit_contract.tls_files import TlsFiles
from vmfit_contract.x509 import X509, parse_pem

SOON_DAYS = 30
"""So long before its expiry a certificate is to be renewed."""

_MAX_BYTES = 1 << 20
_SHOWN_NAMES, _SHOWN_CHARACTERS = 5, 100

Read = Callable[[Path], bytes]


class FileReport(NamedTuple):
    """One file."""

    path: Path
    state: str
    """ "ok", "partly" (it works, but not for long or not for all) or "missing" (it does not)."""
    reasons: tuple[str, ...]
    remedies: tuple[str, ...] = ()


def read_bounded(path: Path) -> bytes:
    """Return the first mebibyte of a file. Raises OSError."""
    with path.open("rb") as file:
        return file.read(_MAX_BYTES)


def report(
    files: TlsFiles, *, as_server: bool, called: Collection[str] = (), read: Read = read_bounded
) -> list[FileReport]:
    """Return what is to be said of the certificate, the key and the authority, in that order.

    `called` are the names and addresses by which clients may call a server: its certificate should
    have one of them. `read` may read with the rights of the user who is to use the files.
    """
    certificate = _certificate_report(files.certificate, read, called, as_server=as_server)
    key = _key_report(files.key, read)
    authority = _certificate_report(files.authority, read, (), as_server=None)
    if "missing" in (certificate.state, key.state, authority.state):
        return [certificate, key, authority]
    return [*_together(files, certificate, key, as_server=as_server), authority]


def _certificate_report(
    path: Path, read: Read, called: Collection[str], *, as_server: bool | None
) -> FileReport:
    try:
        found = parse_pem(read(path))
    except OSError as error:
        return _unreadable(path, error)
    except ValueError as error:
        return FileReport(path, "missing", (str(error),), ("put a PEM certificate there",))
    first = min(found, key=lambda each: each.not_after)
    state, when, remedies = _lifetime(first)
    reasons = [when]
    if as_server is not None:
        reasons.insert(0, f"names: {_names(found[0])}")
    else:
        reasons.insert(0, _shown(first.subject))
    if as_server and called and not any(_is_called(found[0], each) for each in called):
        state = "partly" if state == "ok" else state
        reasons.append(f"no name of this host among them: {', '.join(map(_shown, called))}")
        remedies = (*remedies, "issue one with all names by which comparators call this host")
    return FileReport(path, state, tuple(reasons), remedies)


def _lifetime(found: X509) -> tuple[str, str, tuple[str, ...]]:
    now = datetime.now(UTC)
    left = found.not_after - now
    if found.not_before > now:
        when = f"not valid before {found.not_before:%Y-%m-%d %H:%M} UTC"
        return "missing", when, ("compare the clocks of the authority and of this host",)
    if left < timedelta(0):
        return "missing", f"expired on {found.not_after:%Y-%m-%d}", ("renew it",)
    when = f"expires on {found.not_after:%Y-%m-%d}, in {left.days} days"
    return ("partly", when, ("renew it",)) if left.days < SOON_DAYS else ("ok", when, ())


def _key_report(path: Path, read: Read) -> FileReport:
    try:
        content = read(path)
    except OSError as error:
        return _unreadable(path, error)
    if b"PRIVATE KEY-----" not in content:
        return FileReport(path, "missing", ("no PEM key",), ("put the certificate's key there",))
    if b"ENCRYPTED" in content:
        reasons = ("encrypted: nobody is there to be asked for the password",)
        return FileReport(path, "missing", reasons, ("store the key without a password",))
    try:
        is_open = bool(path.stat().st_mode & 0o004)
    except OSError:
        is_open = False
    if is_open:
        return FileReport(path, "partly", ("every user may read it",), (f"chmod o= {path}",))
    return FileReport(path, "ok", ())


def _together(
    files: TlsFiles, certificate: FileReport, key: FileReport, *, as_server: bool
) -> tuple[FileReport, FileReport]:
    try:
        code = judged(files, as_server=as_server)
    except (OSError, ValueError):
        reasons = (f"not the key of {files.certificate}",)
        return certificate, FileReport(key.path, "missing", reasons, ("give both of one pair",))
    if code == PURPOSE:
        what = "servers" if as_server else "clients"
        return _worse(certificate, "missing", f"not for {what}", f"issue one for {what}"), key
    if code in UNKNOWN_AUTHORITY:
        reason = f"not signed by {files.authority}"
        return _worse(certificate, "partly", reason, "let both sides have that authority"), key
    return certificate, key


def _worse(found: FileReport, state: str, reason: str, remedy: str) -> FileReport:
    return FileReport(
        found.path, state, (*found.reasons, reason), tuple(dict.fromkeys((*found.remedies, remedy)))
    )


def _unreadable(path: Path, error: OSError) -> FileReport:
    if isinstance(error, PermissionError):
        remedy = f"let the service's user read it: chgrp its group, chmod g=r {path}"
    else:
        remedy = "put the file there, or name the right one"
    return FileReport(path, "missing", (error.strerror or str(error),), (remedy,))


def _is_called(found: X509, name: str) -> bool:
    wanted = name.lower()
    _, _, domain = wanted.partition(".")
    names = {each.lower() for each in found.names}
    return wanted in names or f"*.{domain}" in names


def _names(found: X509) -> str:
    names = [*map(_shown, found.names[:_SHOWN_NAMES])]
    if len(found.names) > _SHOWN_NAMES:
        names.append(f"{len(found.names) - _SHOWN_NAMES} more")
    return ", ".join(names) or "none"


def _shown(text: str) -> str:
    return printable(text[:_SHOWN_CHARACTERS])
