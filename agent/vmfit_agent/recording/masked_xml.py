"""Masks libvirt's XML, value by value: those that identify as a whole, and what was learnt."""

from xml.etree.ElementTree import Element, tostring

from vmfit_agent.xml_document import parse_document
from vmfit_contract.masking.masking import Masking
from vmfit_contract.masking.snapshots import IDENTIFYING_ENTRIES

MAXIMUM_BYTES = 16 << 20
"""Capabilities with thousands of machine types have megabytes."""
_ELEMENTS = frozenset(("genid", "serial", "wwn"))
_ATTRIBUTES = frozenset((
    "fabric_wwn", "instanceid", "parent_fabric_wwn", "parent_wwnn", "parent_wwpn", "profileid",
    "serial", "wwn", "wwnn", "wwpn",
))  # fmt: skip
# Of networks: what guests are called and numbered, which nobody reads.
_LEFT_OUT = frozenset(("dhcp", "dns", "domain"))


def mask_xml(masking: Masking, text: str, tag: str) -> str:
    """Return a document whose root is `tag` with what identifies masked; raises MalformedXml."""
    root = parse_document(text, tag, MAXIMUM_BYTES)
    if tag == "network":
        _leave_out(root)
    for element in root.iter():
        _mask(masking, element)
    return tostring(root, encoding="unicode")


def _leave_out(network: Element) -> None:
    for element in network.iter():
        for child in [each for each in element if each.tag in _LEFT_OUT]:
            element.remove(child)


def _mask(masking: Masking, element: Element) -> None:
    identifies = element.tag in _ELEMENTS or (
        element.tag == "entry" and element.get("name") in IDENTIFYING_ENTRIES
    )
    if element.text:
        mask = masking.identifier if identifies else masking.text
        element.text = mask(element.text)
    for name, value in element.attrib.items():
        element.set(name, (masking.identifier if name in _ATTRIBUTES else masking.text)(value))
