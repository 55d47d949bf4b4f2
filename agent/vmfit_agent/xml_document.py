"""Reading XML that others wrote: bounded, without DTDs and entities, tolerant of odd numbers."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, fromstring

MAXIMUM_BYTES = 1024 * 1024
U32_MAXIMUM = 2**32 - 1
U64_MAXIMUM = 2**64 - 1
# No host has more CPUs or NUMA nodes than this; a set that names more is a mistake or an attack.
MAXIMUM_SET_SIZE = 16384
MAXIMUM_IDS = 262_144
"""What all sets of a document may name together: 512 vCPUs pinned to 512 CPUs each."""
MAXIMUM_NAMESPACES = 64
MAXIMUM_NAMESPACE_CHARACTERS = 256

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}")
# The name after "xmlns:" is of whatever characters, but of none that end it.
_NAMESPACE = re.compile(r"""xmlns[^=<>"']*=\s*(["'])""")
_BINARY = {"k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}


class MalformedXml(ValueError):  # noqa: N818 -- said of the text
    """A text is not the XML document that it should be; one line says why."""


def parse_document(text: str, tag: str, maximum_bytes: int = MAXIMUM_BYTES) -> Element:
    """Return the root element of `text`, which must be called `tag`.

    Raises MalformedXml for anything else: too large, not well-formed, another root element, a DTD,
    an entity, or namespaces that would be copied into each of thousands of names.
    """
    try:
        size = len(text.encode())
        if size > maximum_bytes:
            raise MalformedXml(f"{tag} XML: {size} bytes, more than {maximum_bytes}")
        _require_short_namespaces(text, tag)
        root = _root(text, tag)
    except ParseError as error:
        raise MalformedXml(f"{tag} XML: not well-formed: {error}") from error
    except UnicodeError as error:
        raise MalformedXml(f"{tag} XML: not valid text") from error
    if root.tag != tag:
        raise MalformedXml(f"{tag} XML: the root element is <{root.tag[:40]}>")
    return root


def _root(text: str, tag: str) -> Element:
    # Only a DTD can declare entities; without one the standard parser, which is fast, is safe too.
    if "<!DOCTYPE" not in text:
        return fromstring(text)  # noqa: S314
    from defusedxml import DefusedXmlException  # noqa: PLC0415
    from defusedxml.ElementTree import fromstring as read_defused  # noqa: PLC0415

    try:
        root: Element = read_defused(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise MalformedXml(f"{tag} XML: DTDs and entities are refused") from error
    return root


def _require_short_namespaces(text: str, tag: str) -> None:
    """Raise MalformedXml where the parser would make much of little.

    It puts the whole name of a namespace before the name of every element that is in it.
    """
    count, place = 0, text.find("xmlns")
    while place >= 0:
        count += 1
        declared = _NAMESPACE.match(text, place)
        if declared is not None:
            end = text.find(declared[1], declared.end())
            if not 0 <= end - declared.end() <= MAXIMUM_NAMESPACE_CHARACTERS:
                raise MalformedXml(
                    f"{tag} XML: a namespace of more than {MAXIMUM_NAMESPACE_CHARACTERS} characters"
                )
        if count > MAXIMUM_NAMESPACES:
            raise MalformedXml(f"{tag} XML: more than {MAXIMUM_NAMESPACES} namespaces")
        place = text.find("xmlns", place + 1)


def child_text(parent: Element | None, path: str) -> str | None:
    """Return the text of the first element at `path`, None when missing or blank."""
    if parent is None:
        return None
    text = (parent.findtext(path) or "").strip()
    return text or None


def attribute(parent: Element | None, path: str, name: str) -> str | None:
    """Return an attribute of the first element at `path` ("." is `parent`); None when empty."""
    element = parent.find(path) if parent is not None else None
    return (element.get(name) or None) if element is not None else None


def number(text: str | None, maximum: int = U32_MAXIMUM) -> int | None:
    """Return a decimal or 0x number, None when it is none or exceeds `maximum`."""
    text = (text or "").strip()
    if not _NUMBER.fullmatch(text):
        return None
    value = int(text, 16) if text[:2] in {"0x", "0X"} else int(text)
    return value if value <= maximum else None


def flag(text: str | None) -> bool | None:
    """Return what yes/no, on/off say; None for anything else."""
    return {"yes": True, "on": True, "no": False, "off": False}.get(text or "")


def unit_bytes(unit: str) -> int | None:
    """Return how many bytes a unit has: libvirt's "b", "kB", "KiB", "K", ...; None if unknown.

    Source: libvirt formatdomain, memory allocation.
    """
    lowered = unit.strip().lower()
    if lowered in {"b", "byte", "bytes"}:
        return 1
    exponent = _BINARY.get(lowered[:1])
    if exponent is None:
        return None
    if lowered[1:] in {"", "ib"}:
        return 1 << exponent
    return 1000 ** (exponent // 10) if lowered[1:] == "b" else None


def sized(text: str | None, unit: str | None, default_unit: str = "KiB") -> int | None:
    """Return a number with a unit in bytes; None when it cannot be one."""
    value, factor = number(text, U64_MAXIMUM), unit_bytes(unit or default_unit)
    if value is None or factor is None or value * factor > U64_MAXIMUM:
        return None
    return value * factor


def size_bytes(parent: Element | None, path: str, default_unit: str = "KiB") -> int | None:
    """Return the size that the element at `path` gives, by its unit attribute."""
    return sized(child_text(parent, path), attribute(parent, path, "unit"), default_unit)


def id_set(text: str | None) -> list[int]:
    """Return the ids of "0-3,^2,8" in ascending order; empty when it is no such set."""
    if named_ids(text) > MAXIMUM_IDS:
        return []
    chosen: set[int] = set()
    removed: set[int] = set()
    for is_removed, low, high in _ranges(text):
        (removed if is_removed else chosen).update(range(low, high + 1))
    return sorted(chosen - removed)


def named_ids(text: str | None) -> int:
    """Return how many ids the ranges of a set have together: what reading it costs."""
    return sum(high - low + 1 for _, low, high in _ranges(text))


def _ranges(text: str | None) -> Iterator[tuple[bool, int, int]]:
    for item in text.replace(" ", "").split(",") if text else ():
        first, _, last = item.removeprefix("^").partition("-")
        low = number(first)
        high = number(last) if last else low
        if low is not None and high is not None and low <= high < MAXIMUM_SET_SIZE:
            yield item.startswith("^"), low, high


def pci_address(element: Element | None) -> str | None:
    """Return "0000:3b:00.0" from an <address>; None when it lacks bus or slot."""
    if element is None:
        return None
    domain = number(element.get("domain") or "0")
    bus, slot = number(element.get("bus")), number(element.get("slot"))
    function = number(element.get("function") or "0")
    if domain is None or bus is None or slot is None or function is None:
        return None
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"
