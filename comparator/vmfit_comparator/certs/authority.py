"""A certificate authority in a directory: its certificate and key, and what it issues."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vmfit_comparator.certs.certificate_error import CertificateError
from vmfit_comparator.certs.kinds import Kind, is_authority
from vmfit_comparator.certs.pem_files import read_certificates, read_key

CERTIFICATE_FILE, KEY_FILE = "ca.pem", "ca.key"

# Clocks of hosts differ, and a certificate is used at once.
_ALLOWANCE = timedelta(hours=1)
# RFC 5280, appendix A.1: ub-common-name.
_MAX_COMMON_NAME = 64
_ORGANISATION = "vmfit"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs certificates."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(
        self,
        kind: Kind,
        names: Sequence[x509.GeneralName],
        common_name: str,
        *,
        days: int,
        now: datetime,
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """Return a certificate, which ends with the authority's own at the latest, and its key."""
        key = _new_key()
        subject = _subject(common_name, kind.name)
        builder = _begin(subject, self.certificate.subject, key.public_key())
        for extension, critical in (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_key_usage(signs_certificates=False), True),
            (x509.ExtendedKeyUsage(kind.usages), False),
            (x509.SubjectAlternativeName([*names, *kind.names]), False),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False),
        ):
            builder = builder.add_extension(extension, critical)
        return self._sign(builder, days, now), key

    def renew(self, certificate: x509.Certificate, *, days: int, now: datetime) -> x509.Certificate:
        """Return a certificate of the same key, names and uses that lasts longer.

        The authority's own can be renewed, too: what it has signed stays valid. Raises
        CertificateError for what another authority has signed.
        """
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            issuer = certificate.issuer.rfc4514_string()
            raise CertificateError(f"was signed by another authority, {issuer}") from None
        public = certificate.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise CertificateError("has no key on an elliptic curve, as vmfit makes them")
        builder = _begin(certificate.subject, certificate.issuer, public)
        for extension in certificate.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        if is_authority(certificate):
            return _lasting(builder, days, now).sign(self.key, hashes.SHA256())
        return self._sign(builder, days, now)

    def _sign(self, builder: x509.CertificateBuilder, days: int, now: datetime) -> x509.Certificate:
        limit = self.certificate.not_valid_after_utc
        if now >= limit:
            raise CertificateError(
                f"the authority expired on {limit:%Y-%m-%d}: renew its own certificate first"
            )
        return _lasting(builder, days, now, limit).sign(self.key, hashes.SHA256())


def create_authority(name: str, *, days: int, now: datetime) -> Authority:
    """Return a new authority, whose certificates sign no further authorities."""
    key = _new_key()
    subject = _subject(name, "authority")
    builder = _begin(subject, subject, key.public_key())
    for extension, critical in (
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_key_usage(signs_certificates=True), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ):
        builder = builder.add_extension(extension, critical)
    return Authority(_lasting(builder, days, now).sign(key, hashes.SHA256()), key)


def read_authority(directory: Path) -> Authority:
    """Return the authority whose files are in a directory. Raises CertificateError."""
    path = directory / CERTIFICATE_FILE
    if not path.exists():
        raise CertificateError(f"{path}: no authority there; `vmfit certs ca DIR` makes one")
    certificate, key = read_certificates(path)[0], read_key(directory / KEY_FILE)
    if certificate.public_key() != key.public_key():
        raise CertificateError(f"{directory / KEY_FILE}: not the key of {path}")
    return Authority(certificate, key)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


# The unit keeps an authority's subject apart from those of the certificates that it signs.
def _subject(common_name: str, unit: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_MAX_COMMON_NAME]),
        ]
    )


def _begin(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
    )


def _lasting(
    builder: x509.CertificateBuilder, days: int, now: datetime, limit: datetime | None = None
) -> x509.CertificateBuilder:
    until = now + timedelta(days=days)
    until = until if limit is None else min(until, limit)
    return builder.not_valid_before(now - _ALLOWANCE).not_valid_after(until)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
