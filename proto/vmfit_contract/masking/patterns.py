"""What identifies by its form alone, wherever it stands in a text."""

import re
from collections.abc import Callable, Mapping

from vmfit_contract.masking.pseudonyms import Pseudonyms

UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NO_UUIDS = frozenset((
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
))  # fmt: skip
"""What firmware has that was never given a UUID; many machines share these."""

_PAIR = "[0-9a-fA-F]{2}"
_FORMS = {
    # An InfiniBand port's: queue pair, subnet prefix, and the GUID in the last eight.
    "infiniband": rf"(?<![0-9a-fA-F:])(?:{_PAIR}:){{19}}{_PAIR}(?![0-9a-fA-F:])",
    "mac": rf"(?<![0-9a-fA-F])(?<![0-9a-fA-F][:-]){_PAIR}(?P<gap>[:-]){_PAIR}"
    rf"(?:(?P=gap){_PAIR}){{4}}(?![0-9a-fA-F])(?![:-]{_PAIR})",
    "dotted_mac": r"(?<![\w.])[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}(?![\w.])",
    "named_mac": r"(?<=enx)[0-9a-f]{12}(?![0-9A-Za-z])",
    # An IPv6 address whose host part is made from a MAC (RFC 4291, appendix A), as people write it;
    # as /proc/net/ipv6_route does; and as /proc/net/tcp6 does, with the words' octets reversed.
    "address": r"(?<![0-9a-fA-F:.])[0-9a-fA-F:]*:[0-9a-fA-F]{0,2}ff:fe[0-9a-fA-F]{2}:"
    r"[0-9a-fA-F]{1,4}(?![0-9a-fA-F:])",
    "hex_address": r"(?<![0-9A-Za-z])[0-9a-f]{22}fffe[0-9a-f]{6}(?![0-9A-Za-z])",
    "reversed_address": r"(?<![0-9A-Za-z])[0-9A-F]{16}FF[0-9A-F]{12}FE(?![0-9A-Za-z])",
    # The name of a unit or a partition of it, as udev writes, is no part of an iSCSI name.
    "iscsi": r"\b(?:iqn|nqn)\.\d{4}-\d{2}\.[A-Za-z0-9.-]+?(?::[^\s\"'<>,;&\\/\[\]()]+?)?"
    r"(?=-lun-\d|[\s\"'<>,;&\\/\[\]()]|$)",
    "uuid": rf"(?<![0-9A-Za-z]){UUID.pattern}(?![0-9A-Za-z])",
    "port_name": r"(?<![0-9A-Za-z])(?:naa\.|eui\.|(?:fc|sas|wwn)-0x)[0-9a-fA-F]{16,32}"
    r"(?![0-9A-Za-z])",
    "setting": r"(?<![\w.])(?:asset|eui64|serial|sku|wwn|wwnn|wwpn)=[^,\s\"'<>&;]+",
}
FORMS = re.compile("|".join(f"(?P<{name}>{form})" for name, form in _FORMS.items()), re.MULTILINE)
"""The name of the group that matched says which."""

_RUN = re.compile(r"[0-9A-Za-z]+")


def mask_form(pseudonyms: Pseudonyms, match: re.Match[str]) -> str:
    """Return a pseudonym of the same form for a match of FORMS."""
    assert match.lastgroup is not None
    return _MASKS[match.lastgroup](pseudonyms, match[0])


def mask_runs(pseudonyms: Pseudonyms, text: str) -> str:
    """Return the text with a pseudonym for each run of letters and digits."""
    return _RUN.sub(lambda match: pseudonyms.run(match[0]), text)


def _infiniband(pseudonyms: Pseudonyms, text: str) -> str:
    octets = bytes.fromhex(text.replace(":", ""))
    return (octets[:12] + pseudonyms.digest(octets[12:], 8)).hex(":")


def _mac(pseudonyms: Pseudonyms, text: str) -> str:
    masked = pseudonyms.mac(re.sub(r"[:.-]", "", text))
    if "." in text:
        return ".".join(masked[index : index + 4] for index in (0, 4, 8))
    if len(text) == len(masked):
        return masked
    return text[2].join(masked[index : index + 2] for index in range(0, 12, 2))


def _address(pseudonyms: Pseudonyms, text: str) -> str:
    import ipaddress  # noqa: PLC0415 -- a recording may have such addresses; a snapshot has few

    try:
        octets = ipaddress.IPv6Address(text).packed
    except ValueError:
        return text
    if octets[11:13] != b"\xff\xfe":
        return text
    return ipaddress.IPv6Address(octets[:8] + _host_part(pseudonyms, octets[8:])).compressed


def _hex_address(pseudonyms: Pseudonyms, text: str) -> str:
    return text[:16] + _host_part(pseudonyms, bytes.fromhex(text[16:])).hex()


def _reversed_address(pseudonyms: Pseudonyms, text: str) -> str:
    octets = bytes.fromhex(text)[8:]
    masked = _host_part(pseudonyms, octets[3::-1] + octets[:3:-1])
    return text[:16] + (masked[3::-1] + masked[:3:-1]).hex().upper()


def _host_part(pseudonyms: Pseudonyms, octets: bytes) -> bytes:
    flipped = bytes((octets[0] ^ 2,))
    mac = bytes.fromhex(pseudonyms.mac((flipped + octets[1:3] + octets[5:]).hex()))
    return bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]


def _uuid(pseudonyms: Pseudonyms, text: str) -> str:
    return text if text.lower() in NO_UUIDS else mask_runs(pseudonyms, text)


def _after(separator: str) -> Callable[[Pseudonyms, str], str]:
    def mask(pseudonyms: Pseudonyms, text: str) -> str:
        kept, _, value = text.partition(separator)
        return kept + separator + mask_runs(pseudonyms, value)

    return mask


def _port_name(pseudonyms: Pseudonyms, text: str) -> str:
    return _after("." if "." in text else "-0x")(pseudonyms, text)


_MASKS: Mapping[str, Callable[[Pseudonyms, str], str]] = {
    "infiniband": _infiniband,
    "mac": _mac,
    "dotted_mac": _mac,
    "named_mac": _mac,
    "address": _address,
    "hex_address": _hex_address,
    "reversed_address": _reversed_address,
    "iscsi": lambda pseudonyms, text: pseudonyms.iscsi_name(text),
    "uuid": _uuid,
    "port_name": _port_name,
    "setting": _after("="),
}
