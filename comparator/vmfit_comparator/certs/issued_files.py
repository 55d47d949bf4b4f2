"""Certificates and keys that an authority issues into its directory."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from vmfit_comparator.certs.authority import (
    CERTIFICATE_FILE,
    KEY_FILE,
    create_authority,
    read_authority,
)
from vmfit_comparator.certs.certificate_error import CertificateError
from vmfit_comparator.certs.kinds import (
    AUTHORITY_DAYS,
    CERTIFICATE_DAYS,
    COMPARATOR_URI,
    Kind,
    is_authority,
)
from vmfit_comparator.certs.names import general_name
from vmfit_comparator.certs.pem_files import read_certificates, write_certificate, write_key

_PREFIX = re.compile(r"(?:dns|ip|email|uri):")
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9.@_-]+")
_MAX_STEM = 100
_DIRECTORY_MODE = 0o700


def issue_authority(
    directory: Path, name: str, *, days: int, now: datetime, force: bool = False
) -> Path:
    """Make an authority in a directory, which is made if need be; return its certificate's path.

    Raises CertificateError, also for an authority that is there unless `force` replaces it.
    """
    if not (name.isprintable() and name.strip()):
        raise CertificateError(f"{name[:100]!r}: not a name for an authority")
    try:
        directory.mkdir(_DIRECTORY_MODE, exist_ok=True)
    except OSError as error:
        raise CertificateError(f"{directory}: cannot be made: {error.strerror}") from None
    authority = create_authority(name, days=days, now=now)
    place = directory / CERTIFICATE_FILE, directory / KEY_FILE
    _write_pair(place, authority.certificate, authority.key, force=force)
    return place[0]


def issue(
    directory: Path,
    kind: Kind,
    names: Sequence[str],
    *,
    days: int,
    now: datetime,
    force: bool = False,
) -> Path:
    """Issue a certificate for all of `names`; return its path, beside which its key is.

    The files are called KIND-NAME.pem and KIND-NAME.key by the first name. Raises CertificateError.
    """
    found = [general_name(each) for each in names]
    if kind.name == "client" and COMPARATOR_URI in found:
        raise CertificateError("that name is for comparators: use `vmfit certs comparator`")
    authority = read_authority(directory)
    first = _PREFIX.sub("", names[0], count=1)
    certificate, key = authority.issue(kind, found, first, days=days, now=now)
    stem = f"{kind.name}-{_NOT_IN_FILE_NAMES.sub('-', first.replace('*', 'any'))[:_MAX_STEM]}"
    place = directory / f"{stem}.pem", directory / f"{stem}.key"
    _write_pair(place, certificate, key, force=force)
    return place[0]


def renew(path: Path, directory: Path, *, days: int | None, now: datetime) -> None:
    """Replace a certificate by one for the same key that lasts longer.

    Without `days` it lasts as long as a new one would. Raises CertificateError.
    """
    authority = read_authority(directory)
    certificates = read_certificates(path)
    if len(certificates) > 1:
        raise CertificateError(f"{path}: holds {len(certificates)} certificates; name a single one")
    if days is None:
        days = AUTHORITY_DAYS if is_authority(certificates[0]) else CERTIFICATE_DAYS
    try:
        renewed = authority.renew(certificates[0], days=days, now=now)
    except CertificateError as error:
        raise CertificateError(f"{path}: {error}") from None
    write_certificate(path, renewed, force=True)


def _write_pair(
    place: tuple[Path, Path],
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    *,
    force: bool,
) -> None:
    for path in place:
        if not force and path.exists():
            raise CertificateError(f"{path}: exists; --force makes another key in its place")
    write_key(place[1], key, force=force)
    write_certificate(place[0], certificate, force=force)
