"""Reads libvirt's configuration files: the values that are set, never secrets."""

import re
from collections.abc import Mapping

_SETTING = re.compile(
    r"^[ \t]*(\w+)[ \t]*=[ \t]*"
    r'(?:"([^"\n]*)"|\'([^\'\n]*)\'|(-?\d+)|\[((?:[^\]"\']|"[^"]*"|\'[^\']*\')*)\])',
    re.MULTILINE,
)
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_ITEM = re.compile(r'"([^"]*)"|\'([^\']*)\'')
_SECRET = re.compile(r"passw|secret", re.IGNORECASE)


def parse_conf(text: str) -> Mapping[str, str]:
    """Return the set values by name: texts without quotes, lists joined by ",".

    Settings that are named for a password or secret are left out; the first of one name wins.
    Source: libvirt's configuration format (libvirtd.conf, qemu.conf), virConfGetValue.
    """
    settings: dict[str, str] = {}
    for name, double, single, number, items in _SETTING.findall(_COMMENT.sub("", text)):
        if not _SECRET.search(name):
            settings.setdefault(name, _value(double, single, number, items))
    return settings


def _value(double: str, single: str, number: str, items: str) -> str:
    if items:
        return ",".join(a or b for a, b in _ITEM.findall(items))
    return double or single or number
