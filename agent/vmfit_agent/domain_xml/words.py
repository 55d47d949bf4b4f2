"""The words of a definition: what an older libvirt may not know."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from vmfit_agent.xml_document import parse_document

MAXIMUM_WORDS = 1024
_DEEPEST = 8
# Attributes that choose among words of libvirt's own; what others hold is the VM's.
_CHOICES = frozenset(("arch", "format", "mode", "model", "protocol", "type"))
_CHOICE = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def definition_words(xml: str) -> list[str]:
    """Return the elements and attributes of domain XML, each once, sorted: "features/ps2/@state".

    Of metadata and of other namespaces (QEMU's own arguments) nothing is told, nor anything below
    eight levels or beyond 1,024 words. Raises MalformedXml.
    Source: libvirt formatdomain.
    """
    words: set[str] = set()
    for word in _words(parse_document(xml, "domain"), "", _DEEPEST):
        if len(words) >= MAXIMUM_WORDS:
            break
        words.add(word)
    return sorted(words)


def _words(parent: Element, path: str, depth: int) -> Iterator[str]:
    for name, value in parent.attrib.items():
        if _NAME.fullmatch(name):
            is_choice = name in _CHOICES and _CHOICE.fullmatch(value)
            yield f"{path}@{name}={value}" if is_choice else f"{path}@{name}"
    for child in parent if depth else ():
        if child.tag != "metadata" and _NAME.fullmatch(child.tag):
            yield f"{path}{child.tag}"
            yield from _words(child, f"{path}{child.tag}/", depth - 1)
