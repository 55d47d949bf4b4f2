"""What a definition hands to QEMU past libvirt."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.etree.ElementTree import Element

from vmfit_agent.redaction.qemu_words import redact_words

_NAMESPACE = "{http://libvirt.org/schemas/domain/qemu/1.0}"
# Options whose value is a file that QEMU reads.
_FILE_OPTIONS = frozenset(("kernel", "initrd", "dtb", "bios", "pflash", "cdrom"))
# Options among whose settings are files that QEMU reads.
_OPTIONS = frozenset(("fw_cfg", "drive", "smbios", "acpitable", "device", "object"))
_FILE = re.compile(r"(?:^|,)(?:file|romfile)=(/(?:[^,]|,,)*)")


def read_arguments(domain: Element) -> list[str]:
    """Return the words in the XML's order, without the secrets in them."""
    found = domain.iterfind(f"{_NAMESPACE}commandline/{_NAMESPACE}arg")
    return redact_words([argument.get("value") or "" for argument in found])


def files_of(words: Sequence[str]) -> Iterator[str]:
    """Yield the absolute paths that QEMU opens to read; settings in JSON are not looked at.

    Source: QEMU's manual page; a comma in a path is written twice.
    """
    for option, value in pairwise(words):
        name = option.lstrip("-") if option.startswith("-") else ""
        if name in _FILE_OPTIONS and value.startswith("/"):
            yield value
        elif name in _OPTIONS:
            yield from (found.replace(",,", ",") for found in _FILE.findall(value))
