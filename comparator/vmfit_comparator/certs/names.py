"""Names in certificates, spelled as the settings' `[roles]` spell them: "dns:alpha.example"."""

import ipaddress
import re

from cryptography import x509

from vmfit_comparator.certs.certificate_error import CertificateError

COMPARATOR_NAME = "urn:vmfit:comparator"
"""The URI by which agents know who may probe. Source: docs/security.md."""

_MAX_CHARACTERS = 253
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9.-]+)")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


def general_name(text: str) -> x509.GeneralName:
    """Return a name as certificates hold it.

    `text` has one of the prefixes "dns:", "ip:", "email:" and "uri:"; without one it is taken for
    an address, for an e-mail address if it has an "@", for a DNS name otherwise. A DNS name may
    begin with "*.". Raises CertificateError.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind in _READERS:
        return _READERS[kind](rest, text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return _email(text, text) if "@" in text else _dns_name(text, text)


def identity(name: x509.GeneralName) -> str | None:
    """Return a name with its prefix; None for kinds that say nothing to vmfit."""
    if isinstance(name, x509.DNSName):
        return f"dns:{name.value}"
    if isinstance(name, x509.IPAddress):
        return f"ip:{name.value}"
    if isinstance(name, x509.RFC822Name):
        return f"email:{name.value}"
    if isinstance(name, x509.UniformResourceIdentifier):
        return f"uri:{name.value}"
    return None


def _dns_name(name: str, text: str) -> x509.GeneralName:
    labels = name.removeprefix("*.").split(".")
    if len(name) > _MAX_CHARACTERS or not all(_LABEL.fullmatch(each) for each in labels):
        hint = "" if name.isascii() else "; names beyond ASCII are written as xn--..."
        raise CertificateError(f"{text[:300]!r}: neither a DNS name nor an address{hint}")
    return x509.DNSName(name)


def _address(name: str, text: str) -> x509.GeneralName:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        raise CertificateError(f"{text[:300]!r}: not an IP address") from None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise CertificateError(f"{text[:300]!r}: an address in a certificate has no scope")
    return x509.IPAddress(address)


def _email(name: str, text: str) -> x509.GeneralName:
    found = _EMAIL.fullmatch(name)
    if found is None or not all(_LABEL.fullmatch(each) for each in found[1].split(".")):
        raise CertificateError(f"{text[:300]!r}: not an e-mail address")
    return x509.RFC822Name(name)


def _uri(name: str, text: str) -> x509.GeneralName:
    if len(name) > _MAX_CHARACTERS or not _URI.fullmatch(name):
        raise CertificateError(f"{text[:300]!r}: not a URI, such as urn:example:scheduler")
    return x509.UniformResourceIdentifier(name)


_READERS = {"dns": _dns_name, "ip": _address, "email": _email, "uri": _uri}
