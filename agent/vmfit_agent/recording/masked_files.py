"""Masks a recording's files: fields that identify as a whole, then all that was learnt."""

import re
from pathlib import PurePath

from vmfit_agent.recording.masked_certificates import mask_certificates
from vmfit_contract.masking.masking import Masking

# Files of sysfs and /etc that hold one identifying value and nothing else.
_IDENTIFIERS = frozenset((
    "boot_id", "eui", "machine-id", "nguid", "product_uuid", "serial", "unique_id", "uuid", "wwid",
))  # fmt: skip
_NAMES = ("etc/hostname", "proc/sys/kernel/hostname")
# Properties of udev's database whose values identify.
_PROPERTY = re.compile(
    r"^(E:(?:[A-Z_]*(?:SERIAL|WWN|UUID|PTUUID|UNIQUE_ID)(?:_[A-Z_]+)?|SCSI_IDENT_\w+"
    r"|ID_NET_NAME_MAC)=)(.*)$"
)
_ALIAS = re.compile(r"^(InitiatorAlias\s*=\s*)(.*)$", re.MULTILINE)


def mask_file(masking: Masking, path: PurePath, text: str) -> str:
    """Return a file's text masked; its path, which is not, tells how it is read."""
    if path.name in _IDENTIFIERS:
        return masking.identifier(text)
    if str(path) in _NAMES:
        return masking.name(text)
    if path.suffix == ".pem":
        return mask_certificates(masking, text)
    if "udev" in path.parts:
        return "\n".join(_property(masking, line) for line in text.split("\n"))
    if path.name == "initiatorname.iscsi":
        text = _ALIAS.sub(lambda match: match[1] + masking.identifier(match[2]), text)
    return masking.text(text)


def _property(masking: Masking, line: str) -> str:
    match = _PROPERTY.match(line)
    return match[1] + masking.identifier(match[2]) if match else masking.text(line)
