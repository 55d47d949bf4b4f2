"""What a definition may hold: more than any guest has, less than fills a host."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from vmfit_agent.xml_document import MAXIMUM_IDS, MalformedXml, named_ids

MAXIMUM_ELEMENTS = 32_768
"""A guest with 1,024 disks has some 10,000."""
MAXIMUM_DEPTH = 256
"""A chain of 200 backing stores is as many deep."""
MAXIMUM_CHARACTERS = 8192
"""Of a value; PATH_MAX is half of it."""
MAXIMUM_DEVICES = 4096
ID_ATTRIBUTES = ("cpus", "cpuset", "nodeset")
"""What holds sets of CPUs or NUMA nodes, on whatever element."""

ARGUMENT = "{http://libvirt.org/schemas/domain/qemu/1.0}arg"
# Of elements that become messages of their own, wherever they stand.
MOST_OF_A_TAG: Mapping[str, int] = {
    ARGUMENT: 4096,
    "cell": 1024,
    "disk": 1024,
    "entry": 4096,
    "feature": 1024,
    "filesystem": 512,
    "graphics": 64,
    "host": 4096,
    "hostdev": 1024,
    "interface": 1024,
    "iothreadpin": 1024,
    "listen": 256,
    "memnode": 1024,
    "memory": 1024,
    "page": 1024,
    "seclabel": 4096,
    "secret": 2048,
    "sysinfo": 64,
    "table": 64,
    "timer": 64,
    "tpm": 64,
    "vcpupin": 8192,
}
# Texts for people, certificates, and what a guest is configured with: as long as they like.
_LONG = frozenset((ARGUMENT, "cmdline", "description", "dhCert", "entry", "session", "title"))
_SHOWN_CHARACTERS = 40


def require_few_elements(xml: str) -> None:
    """Raise MalformedXml for a text that would become more elements than a definition has.

    Counted before they are made: they take some thirty times the bytes of the text.
    """
    if xml.count("<") - xml.count("</") > MAXIMUM_ELEMENTS:
        raise MalformedXml(f"domain XML: more than {MAXIMUM_ELEMENTS} elements")


def require_bounds(domain: Element) -> None:
    """Raise MalformedXml for too much of anything; the message names the element."""
    counts = dict.fromkeys(MOST_OF_A_TAG, 0)
    id_count = 0
    for element in _elements(domain):
        if element.tag in counts:
            counts[element.tag] += 1
        if element.tag not in _LONG:
            _require_short(element)
        id_count += sum(named_ids(element.get(name)) for name in ID_ATTRIBUTES)
        if id_count > MAXIMUM_IDS:
            raise MalformedXml(
                f"domain XML: {_name(element)} and those before it name more than {MAXIMUM_IDS} "
                "CPUs and nodes in their sets"
            )
    for tag, most in MOST_OF_A_TAG.items():
        if counts[tag] > most:
            raise MalformedXml(f"domain XML: more than {most} <{tag.rpartition('}')[2]}>")
    if sum(len(devices) for devices in domain.iterfind("devices")) > MAXIMUM_DEVICES:
        raise MalformedXml(f"domain XML: <devices> holds more than {MAXIMUM_DEVICES}")


def _elements(domain: Element) -> list[Element]:
    """Return all elements but those of the domain's <metadata>, which nobody reads."""
    found = [domain]
    level = [child for child in domain if child.tag != "metadata"]
    for _ in range(MAXIMUM_DEPTH - 1):
        if not level:
            return found
        found += level
        level = [child for element in level for child in element]
    if level:
        raise MalformedXml(f"domain XML: elements lie more than {MAXIMUM_DEPTH} deep")
    return found


def _require_short(element: Element) -> None:
    for name, value in element.items():
        if len(value) > MAXIMUM_CHARACTERS:
            raise MalformedXml(
                f"domain XML: {name[:_SHOWN_CHARACTERS]} of {_name(element)} has more than "
                f"{MAXIMUM_CHARACTERS} characters"
            )
    text = element.text
    if text and len(text) > MAXIMUM_CHARACTERS and not text.isspace():
        raise MalformedXml(
            f"domain XML: {_name(element)} has more than {MAXIMUM_CHARACTERS} characters"
        )


def _name(element: Element) -> str:
    return f"<{element.tag.rpartition('}')[2][:_SHOWN_CHARACTERS]}>"
