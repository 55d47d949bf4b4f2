"""Reads what a migration needs to know of an X.509 certificate, and nothing else of it.

A reader of its own, because the library that could do it costs an agent ten megabytes.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

_PEM = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----"
    rb"(.+?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----",
    re.DOTALL,
)
_SEQUENCE, _SET, _OBJECT_ID, _OCTETS, _UTC_TIME, _TIME = 0x30, 0x31, 0x06, 0x04, 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _ADDRESS = 0x82, 0x87
_SUBJECT_ALTERNATIVE_NAME = bytes.fromhex("551d11")
_MAXIMUM_NAMES = 1000
_MAXIMUM_CERTIFICATES = 200

# RFC 4514, section 3, and the e-mail address that certificate authorities add.
_ATTRIBUTES = {
    "550403": "CN", "550406": "C", "550407": "L", "550408": "ST", "550409": "STREET",
    "55040a": "O", "55040b": "OU", "0992268993f22c640119": "DC", "0992268993f22c640101": "UID",
}  # fmt: skip
_ENCODINGS = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}


class X509(NamedTuple):
    """One certificate."""

    subject: str
    """RFC 4514: "CN=host1,O=Example"."""
    issuer: str
    names: tuple[str, ...]
    """DNS names and addresses, in order."""
    not_before: datetime
    not_after: datetime
    fingerprint: str


def parse_pem(content: bytes) -> list[X509]:
    """Return a PEM file's certificates; ValueError when there is none or the first is malformed.

    Malformed ones that follow are left out. Source: RFC 7468; RFC 5280.
    """
    matches = list(islice(_PEM.finditer(content), _MAXIMUM_CERTIFICATES))
    if not matches:
        raise ValueError("no PEM certificate")
    found = [_decoded(matches[0])]
    for match in matches[1:]:
        with suppress(ValueError):
            found.append(_decoded(match))
    return found


def certificates_text(text: str) -> str:
    """Return the PEM certificates of a file, without what is written around them."""
    found = islice(_PEM.finditer(text.encode()), _MAXIMUM_CERTIFICATES)
    return "".join(f"{match[0].decode()}\n" for match in found)


def _decoded(match: re.Match[bytes]) -> X509:
    try:
        der = base64.b64decode(b"".join(match[1].split()), validate=True)
    except binascii.Error:
        raise ValueError("the PEM certificate is not base64") from None
    try:
        return _certificate(der)
    except (IndexError, ValueError, OverflowError):
        raise ValueError("the certificate is malformed") from None


def _certificate(der: bytes) -> X509:
    _, certificate, rest = _element(der)
    _, body, _ = _element(certificate)
    fields = list(_elements(body))
    if fields[0][0] == _VERSION:
        fields.pop(0)
    # serial number, signature, issuer, validity, subject, public key, ...
    _, _, issuer, validity, subject, _, *others = fields
    times = [_time(tag, content) for tag, content in _elements(validity[1])]
    extensions = next((content for tag, content in others if tag == _EXTENSIONS), b"")
    return X509(
        subject=_name(subject[1]),
        issuer=_name(issuer[1]),
        names=tuple(_alternative_names(extensions)),
        not_before=times[0],
        not_after=times[1],
        fingerprint=hashlib.sha256(der[: len(der) - len(rest)]).hexdigest(),
    )


# DER, X.690: tag, length, content; returns tag, content and what follows.
def _element(data: bytes) -> tuple[int, bytes, bytes]:
    tag, length, start = data[0], data[1], 2
    if tag & 0x1F == 0x1F:
        raise ValueError("a tag of several octets")
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError("cut off")
    return tag, data[start : start + length], data[start + length :]


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        tag, content, data = _element(data)
        yield tag, content


def _name(content: bytes) -> str:
    # RFC 4514 begins with the last of the relative names.
    relative = [_relative_name(attributes) for _, attributes in _elements(content)]
    return ",".join(reversed(relative))


def _relative_name(attributes: bytes) -> str:
    parts = []
    for _, attribute in _elements(attributes):
        (_, kind), (tag, value) = list(_elements(attribute))[:2]
        text = value.decode(_ENCODINGS.get(tag, "utf-8"))
        parts.append(f"{_ATTRIBUTES.get(kind.hex(), _dotted(kind))}={_escaped(text)}")
    return "+".join(parts)


def _dotted(kind: bytes) -> str:
    numbers = [0]
    for octet in kind:
        numbers[-1] = numbers[-1] << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(0)
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:-1])))


def _escaped(text: str) -> str:
    escaped = re.sub(r'([",+;<>\\])', r"\\\1", text).replace("\0", "\\00")
    if escaped.startswith((" ", "#")):
        escaped = "\\" + escaped
    return escaped[:-1] + "\\ " if text.endswith(" ") and len(text) > 1 else escaped


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # RFC 5280, 4.1.2.5.1: two digits from 50 on are of the last century.
        text = ("19" if text >= "50" else "20") + text
    elif tag != _TIME:
        raise ValueError("not a date")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _alternative_names(extensions: bytes) -> Iterator[str]:
    if not extensions:
        return
    for _, extension in _elements(_element(extensions)[1]):
        (_, kind), *_, (_, value) = _elements(extension)
        if kind == _SUBJECT_ALTERNATIVE_NAME:
            names = list(_elements(_element(value)[1]))[:_MAXIMUM_NAMES]
            yield from (_general_name(tag, name) for tag, name in names if tag in _NAMES)


_NAMES = frozenset({_DNS_NAME, _ADDRESS})


def _general_name(tag: int, content: bytes) -> str:
    return content.decode("ascii") if tag == _DNS_NAME else str(ipaddress.ip_address(content))
