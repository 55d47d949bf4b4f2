"""Certificates with other names in them, as long as before: they are read as before.

Nobody can check them: key, signature and serial number, which identify as well, are other octets.
"""

import base64
import re
from collections.abc import Callable

from vmfit_contract.masking.masking import Masking

_PEM = re.compile(r"(-----BEGIN [A-Z0-9 ]+-----)(.+?)(-----END [A-Z0-9 ]+-----)", re.DOTALL)
_CONSTRUCTED, _TAG_NUMBER, _LONG_LENGTH = 0x20, 0x1F, 0x80
_INTEGER, _BITS, _OCTETS = 0x02, 0x03, 0x04
# UTF8String, PrintableString, TeletexString, IA5String; of alternative names: e-mail, DNS, URI.
_TEXTS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1C: "utf-32-be",
          0x1E: "utf-16-be", 0x81: "ascii", 0x82: "ascii", 0x86: "ascii"}  # fmt: skip
# Longer than versions, uses of keys and lengths of paths.
_SHORTEST_NUMBER = 5
_MOST_LEVELS, _MOST_OCTETS = 40, 1 << 16
_LINE_CHARACTERS = 64


def mask_certificates(masking: Masking, text: str) -> str:
    """Return a PEM file whose certificates have masked names; malformed ones are masked whole."""
    return _PEM.sub(lambda match: _masked_pem(masking, match), text)


def _masked_pem(masking: Masking, match: re.Match[str]) -> str:
    try:
        der = base64.b64decode("".join(match[2].split()), validate=True)
    except ValueError:  # Neither base64 nor even ASCII.
        return f"{match[1]}\n!\n{match[3]}"
    try:
        masked = _elements(masking, der, 0)
    except (IndexError, ValueError):
        masked = b"\0" + masking.pseudonyms.octets(der)
    encoded = base64.b64encode(masked).decode()
    starts = range(0, len(encoded), _LINE_CHARACTERS)
    lines = [encoded[start : start + _LINE_CHARACTERS] for start in starts]
    return "\n".join((match[1], *lines, match[3]))


def _elements(masking: Masking, data: bytes, level: int) -> bytes:
    """Return DER elements, one after the other, of the same lengths; ValueError for other data."""
    if level > _MOST_LEVELS or len(data) > _MOST_OCTETS:
        raise ValueError("nested too deep, or too long")
    masked = b""
    while data:
        tag, length, start = data[0], data[1], 2
        if tag & _TAG_NUMBER == _TAG_NUMBER:
            raise ValueError("a tag of several octets")
        if length & _LONG_LENGTH:
            start += length & ~_LONG_LENGTH
            length = int.from_bytes(data[2:start])
        content, rest = data[start : start + length], data[start + length :]
        if len(content) < length:
            raise ValueError("cut off")
        masked += data[:start] + _content(masking, tag, content, level)
        data = rest
    return masked


def _content(masking: Masking, tag: int, content: bytes, level: int) -> bytes:
    if tag & _CONSTRUCTED:
        return _elements(masking, content, level + 1)
    if tag in _TEXTS:
        return _text(masking.name, content, _TEXTS[tag])
    if tag == _OCTETS:
        # Extensions are elements within octets.
        try:
            return _elements(masking, content, level + 1)
        except (IndexError, ValueError):
            return masking.pseudonyms.octets(content)
    if tag in (_INTEGER, _BITS) and len(content) >= _SHORTEST_NUMBER:
        return content[:1] + masking.pseudonyms.octets(content[1:])
    return content


def _text(mask: Callable[[str], str], content: bytes, encoding: str) -> bytes:
    text = content.decode(encoding)
    masked = mask(text).encode(encoding)
    # What is masked by its form (an iSCSI name) has another length.
    if len(masked) == len(content):
        return masked
    filler = "x".encode(encoding)
    return filler * (len(content) // len(filler))
