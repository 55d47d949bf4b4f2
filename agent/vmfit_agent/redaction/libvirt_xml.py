"""Secrets in libvirt's XML: of domains, pools, volumes, networks and the names of secrets."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, register_namespace, tostring

from vmfit_agent.redaction.free_text import redact_place, redact_query, scrub
from vmfit_agent.redaction.parameters import redact_parameters
from vmfit_agent.redaction.qemu_words import redact_words
from vmfit_agent.redaction.secret_names import BLANK, is_secret_name
from vmfit_agent.xml_document import MalformedXml, parse_document

MAXIMUM_DEPTH = 400
"""libvirt's own deepest document is a chain of 200 images, each within the one before."""

_QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"
for _driver in ("qemu", "lxc", "xen", "bhyve"):
    register_namespace(_driver, f"http://libvirt.org/schemas/domain/{_driver}/1.0")
# What people and programs write there means nothing to libvirt, and may be anything.
_LEFT_OUT = frozenset(("description", "metadata", "title"))
# Values for the guest's firmware: the maker's own strings of SMBIOS, and QEMU's fw_cfg.
_HOLDERS_OF_ENTRIES = frozenset(("oemStrings", "sysinfo"))
# A user's name says half of what opens a disk.
_LOGINS = frozenset(("login", "username"))
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


def redact_xml(text: str, tag: str) -> str:
    """Return a document whose root is `tag` without its secrets.

    It reads as before, and redacting it again changes nothing. Blanked are passwords, cookies,
    logins, environment, secrets among arguments and kernel parameters, values for the guest's
    firmware, and what is none of libvirt's or QEMU's own words; comments, metadata, title and
    description are left out.
    Raises MalformedXml for what parse_document refuses, and for more than MAXIMUM_DEPTH levels.
    Source: libvirt formatdomain, formatstorage, formatnetwork, formatsecret.
    """
    root = parse_document(text, tag)
    for element, parent, depth in _walk(root):
        if depth > MAXIMUM_DEPTH:
            raise MalformedXml(f"{tag} XML: more than {MAXIMUM_DEPTH} levels")
        for child in [each for each in element if each.tag in _LEFT_OUT]:
            element.remove(child)
        if element.tag.startswith(_QEMU):
            _redact_qemu(element)
        elif element.tag.startswith("{"):
            _blank(element)
        else:
            element.text = _redacted_text(element, parent)
            _redact_attributes(element)
    return tostring(root, encoding="unicode")


def _walk(root: Element) -> Iterator[tuple[Element, str, int]]:
    """Yield each element before those within it, with its parent's tag and its level."""
    waiting = [(root, "", 1)]
    while waiting:
        element, parent, depth = waiting.pop()
        yield element, parent, depth
        waiting.extend((child, element.tag, depth + 1) for child in element)


def _redacted_text(element: Element, parent: str) -> str | None:
    text = element.text
    if text is None or not text.strip():
        return text
    if is_secret_name(element.tag) or element.tag == "initenv" or parent == "launchSecurity":
        # The policy is a number that decides where the guest can run.
        return text if element.tag in ("policy", "cbitpos", "reducedPhysBits") else BLANK
    if element.tag == "entry" and parent in _HOLDERS_OF_ENTRIES:
        return BLANK
    if element.tag == "cmdline":
        return " ".join(redact_parameters(text))
    return redact_place(text) if "=" in text or "//" in text else text


def _redact_attributes(element: Element) -> None:
    for name, value in element.attrib.items():
        if name in _LOGINS or (is_secret_name(name) and not _UUID.fullmatch(value)):
            element.set(name, BLANK)
        elif name == "query":
            element.set(name, redact_query(value))
        elif "=" in value or "//" in value:
            element.set(name, redact_place(value))


def _redact_qemu(element: Element) -> None:
    tag = element.tag.removeprefix(_QEMU)
    if tag == "commandline":
        arguments = element.findall(f"{_QEMU}arg")
        words = redact_words([each.get("value") or "" for each in arguments])
        for argument, word in zip(arguments, words, strict=True):
            argument.set("value", word)
    elif tag == "env" or is_secret_name(element.get("name") or ""):
        if "value" in element.attrib:
            element.set("value", BLANK)
    elif tag != "arg" and "value" in element.attrib:
        element.set("value", scrub(element.get("value") or ""))


def _blank(element: Element) -> None:
    for name in element.attrib:
        element.set(name, BLANK)
    if element.text and element.text.strip():
        element.text = BLANK
