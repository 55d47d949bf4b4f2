"""The kinds of certificates that vmfit makes, and what a certificate is good for."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from vmfit_comparator.certs.names import COMPARATOR_NAME

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 397
"""How long certificates last unless somebody says otherwise: a year and a month to renew them."""

_SERVER, _CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Kind:
    """Whom a certificate is made for."""

    name: str
    usages: tuple[x509.ObjectIdentifier, ...]
    names: tuple[x509.GeneralName, ...] = ()
    """Names that each certificate of the kind has beside its own."""


COMPARATOR_URI = x509.UniformResourceIdentifier(COMPARATOR_NAME)

# An agent asks nobody: what is stolen from one host opens no other.
AGENT = Kind("agent", (_SERVER,))
COMPARATOR = Kind("comparator", (_CLIENT, _SERVER), (COMPARATOR_URI,))
CLIENT = Kind("client", (_CLIENT,))


def uses(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return what a certificate, of whatever origin, is good for, in words.

    Empty for one that says that it is for other things, such as signing code.
    """
    if is_authority(certificate):
        return ("signing",)
    usages = _usages(certificate)
    is_any = not usages or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages
    found = []
    if is_any or _SERVER in usages:
        found.append("serving")
    if is_any or _CLIENT in usages:
        found.append("asking")
        if COMPARATOR_URI in names_of(certificate):
            found.append("probing")
    return tuple(found)


def is_authority(certificate: x509.Certificate) -> bool:
    """Return whether a certificate may sign others."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return constraints.value.ca


def names_of(certificate: x509.Certificate) -> Sequence[x509.GeneralName]:
    """Return the alternative names in their order; empty where there are none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return list(names.value)


def _usages(certificate: x509.Certificate) -> frozenset[x509.ObjectIdentifier]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(usage.value)
