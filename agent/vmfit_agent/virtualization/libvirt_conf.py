"""Reads libvirt's configuration files: the values that are set, never secrets."""

import re
from collections.abc import Mapping

from vmfit_agent.redaction.free_text import scrub
from vmfit_agent.redaction.secret_names import BLANK, is_secret_name

_SETTING = re.compile(
    r"^[ \t]*(\w+)[ \t]*=[ \t]*"
    r'(?:"([^"\n]*)"|\'([^\'\n]*)\'|(-?\d+)|\[((?:[^\]"\']|"[^"]*"|\'[^\']*\')*)\])',
    re.MULTILINE,
)
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_ITEM = re.compile(r'"([^"]*)"|\'([^\']*)\'')


def parse_conf(text: str) -> Mapping[str, str]:
    """Return the set values by name: texts without quotes, lists joined by ",".

    Settings that are named for a password or secret are left out; the first of one name wins.
    Source: libvirt's configuration format (libvirtd.conf, qemu.conf), virConfGetValue.
    """
    settings: dict[str, str] = {}
    for name, double, single, number, items in _SETTING.findall(_COMMENT.sub("", text)):
        if not _is_secret(name):
            settings.setdefault(name, scrub(_value(double, single, number, items)))
    return settings


def without_secrets(text: str) -> str:
    """Return the settings that are set, one after the other, as `parse_conf` reads them.

    Those named for a secret are blanked. Comments, and what is no setting, are left out.
    """
    lines = []
    for match in _SETTING.finditer(_COMMENT.sub("", text)):
        name, setting = match[1], match[0].strip()
        lines.append(f'{name} = "{BLANK}"' if _is_secret(name) else scrub(setting))
    return "".join(f"{line}\n" for line in lines)


def _is_secret(name: str) -> bool:
    return is_secret_name(name) or "secret" in name


def _value(double: str, single: str, number: str, items: str) -> str:
    if items:
        return ",".join(a or b for a, b in _ITEM.findall(items))
    return double or single or number
