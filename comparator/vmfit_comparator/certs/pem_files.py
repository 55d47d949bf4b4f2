"""Certificates and keys as PEM files: read with a bound, written whole or not at all."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vmfit_comparator.certs.certificate_error import CertificateError

CERTIFICATE_MODE, KEY_MODE = 0o644, 0o600

_MAX_BYTES = 1024 * 1024


def read_certificates(path: Path) -> Sequence[x509.Certificate]:
    """Return a file's certificates in their order, at least one. Raises CertificateError."""
    content = _read(path)
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        if b"PRIVATE KEY-----" in content:
            raise CertificateError(f"{path}: holds a key; name the certificate") from None
        raise CertificateError(f"{path}: holds no PEM certificate") from None


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key of an authority. Raises CertificateError."""
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except TypeError:
        raise CertificateError(f"{path}: is encrypted; vmfit asks for no password") from None
    except ValueError:
        raise CertificateError(f"{path}: holds no PEM key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(f"{path}: not a key on an elliptic curve, as vmfit makes them")
    return key


def write_key(path: Path, key: ec.EllipticCurvePrivateKey, *, force: bool) -> None:
    """Write a key that its owner alone may read. Raises CertificateError."""
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(path, content, KEY_MODE, force=force)


def write_certificate(path: Path, certificate: x509.Certificate, *, force: bool) -> None:
    """Write a certificate that everybody may read. Raises CertificateError."""
    content = certificate.public_bytes(serialization.Encoding.PEM)
    _write(path, content, CERTIFICATE_MODE, force=force)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise CertificateError(f"{path}: larger than {_MAX_BYTES} bytes")
    return content


def _write(path: Path, content: bytes, mode: int, *, force: bool) -> None:
    # Who reads the file at any moment gets the old content or the new one.
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            if force:
                os.replace(name, path)  # noqa: PTH105 -- the name is a text
            else:
                # Unlike a rename, a link never replaces what has come in between.
                os.link(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        raise CertificateError(f"{path}: exists; --force replaces it") from None
    except OSError as error:
        raise CertificateError(f"{path}: cannot be written: {error.strerror}") from None
