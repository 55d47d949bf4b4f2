"""What a certificate says, for people: names, uses, expiry, issuer and whether its key is there."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from vmfit_comparator.certs.certificate_error import CertificateError
from vmfit_comparator.certs.kinds import names_of, uses
from vmfit_comparator.certs.names import identity
from vmfit_comparator.certs.pem_files import read_certificates, read_key

_SECONDS_A_DAY = 86400


@dataclass(frozen=True, slots=True)
class Summary:
    """One certificate of a file."""

    file: str
    subject: str
    """RFC 4514: "CN=alpha,OU=agent,O=vmfit"."""
    issuer: str
    names: tuple[str, ...]
    """As `[roles]` spells them, in the certificate's order."""
    uses: tuple[str, ...]
    """Of "signing", "serving", "asking" and "probing"."""
    not_before: str
    not_after: str
    """ISO 8601, in UTC."""
    days_left: int
    """Whole days; negative since the expiry."""
    key: str
    """ "" for one without a key file beside it, else "fits" or what is wrong with the file."""

    trouble: str
    """Why it cannot be used now, "expired" or "not valid yet"; "" when it can."""


def summaries(path: Path, now: datetime) -> list[Summary]:
    """Return what a file's certificates say, in their order. Raises CertificateError."""
    found = read_certificates(path)
    try:
        return [
            _summary(path, each, now, _key(path, each) if index == 0 else "")
            for index, each in enumerate(found)
        ]
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise CertificateError(f"{path}: a malformed certificate: {reason}") from None


def _summary(path: Path, certificate: x509.Certificate, now: datetime, key: str) -> Summary:
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Summary(
        file=str(path),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=tuple(filter(None, map(identity, names_of(certificate)))),
        uses=uses(certificate),
        not_before=since.isoformat(),
        not_after=until.isoformat(),
        days_left=int((until - now).total_seconds() // _SECONDS_A_DAY),
        key=key,
        trouble="not valid yet" if now < since else "expired" if now > until else "",
    )


def _key(path: Path, certificate: x509.Certificate) -> str:
    key = path.with_suffix(".key")
    if key == path or not key.exists():
        return ""
    try:
        fits = read_key(key).public_key() == certificate.public_key()
    except CertificateError as error:
        return str(error)
    return "fits" if fits else f"{key}: the key of another certificate"
