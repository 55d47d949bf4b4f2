"""Vendor, model, serial and WWN of a disk, the same whether udev or sysfs tells them."""

import re

from vmfit_agent.kernel_files.sysfs import exists, read_bytes, read_text
from vmfit_agent.storage.block_transport import is_scsi, transport
from vmfit_agent.storage.udev import Properties

_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")
_BLANKS = re.compile(r"\s+")
_NAA_DIGITS = re.compile(r"(?:[0-9a-f]{16}|[0-9a-f]{32})$")
_ONLY_ZEROS = re.compile(r"(?:(?:eui|uuid|naa)\.)?[0-]+$")
_NVME_NAMES = ("eui.", "uuid.", "nvme.")
# INQUIRY has room for 16 characters of a model; SATA models are often longer.
_INQUIRY_MODEL_CHARACTERS = 16


def vendor(disk: str, properties: Properties) -> str | None:
    """Return the vendor; "ATA" for a disk behind SCSI-to-ATA translation.

    virtio devices have none of their own: theirs is the transport's ("0x1af4"), hence absent.
    """
    told = _decoded(properties, "ID_VENDOR")
    if told is not None or _is_virtio(disk):
        return told
    return _text(read_text(f"{disk}/device/vendor")) if is_scsi(disk) else None


def model(disk: str, properties: Properties) -> str | None:
    """Return the model; absent when all there is may be cut short."""
    if _is_nvme(disk):
        return _text(read_text(f"{disk}/device/model")) or _decoded(properties, "ID_MODEL")
    told = _decoded(properties, "ID_MODEL")
    if told is not None or not is_scsi(disk) or transport(disk) == "usb":
        return told
    text = _text(read_text(f"{disk}/device/model"))
    if text is not None and _is_ata(disk) and len(text) >= _INQUIRY_MODEL_CHARACTERS:
        return None
    return text


def serial(disk: str, properties: Properties) -> str | None:
    """Return the serial number without surrounding blanks; absent when it is all zeros.

    Without udev it is what udev would have found, never another of the device's numbers.
    """
    if _is_nvme(disk):
        return _number(read_text(f"{disk}/device/serial") or properties.get("ID_SERIAL_SHORT"))
    if _is_virtio(disk):
        return _number(read_text(f"{disk}/serial") or properties.get("ID_SERIAL"))
    told = properties.get("ID_SERIAL_SHORT") or properties.get("ID_SCSI_SERIAL")
    if told is not None:
        return _number(told)
    if is_scsi(disk):
        # Where there is a bus, udev looked; its ID_SERIAL is then made up of vendor and model.
        return None if "ID_BUS" in properties else _scsi_serial(disk)
    return None if _is_mapped(disk) else _number(properties.get("ID_SERIAL"))


def wwn(disk: str, properties: Properties) -> str | None:
    """Return the world-wide name as the part's field describes it.

    A multipath map has the name of the unit behind it: its WWID after the designator's type.
    """
    if _is_nvme(disk):
        return nvme_identifier(disk, "wwid") or _nvme_name(properties.get("ID_WWN"))
    told = properties.get("ID_WWN_WITH_EXTENSION") or properties.get("ID_WWN")
    if told is not None:
        return _digits(told)
    kind, _, wwid = (read_text(f"{disk}/dm/uuid") or "").partition("-")
    if kind == "mpath":
        return _nvme_name(wwid) if wwid.startswith(_NVME_NAMES) else _page_83_digits(wwid)
    return _naa(disk)


def nvme_identifier(disk: str, attribute: str) -> str | None:
    """Return a namespace's identifier in lower case; absent when it is none or all zeros."""
    return _nvme_name(read_text(f"{disk}/{attribute}")) if _is_nvme(disk) else None


def _is_nvme(disk: str) -> bool:
    return transport(disk) == "nvme"


def _is_virtio(disk: str) -> bool:
    return transport(disk) == "virtio" and not is_scsi(disk)


def _is_mapped(disk: str) -> bool:
    return exists(f"{disk}/dm")


def _is_ata(disk: str) -> bool:
    return (read_text(f"{disk}/device/vendor") or "") == "ATA"


def _decoded(properties: Properties, key: str) -> str | None:
    # The encoded form keeps the blanks that the plain one has replaced by underscores.
    encoded = properties.get(f"{key}_ENC")
    if encoded is None:
        return _text(properties.get(key))
    return _text(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), encoded))


def _text(value: str | None) -> str | None:
    return _BLANKS.sub(" ", value.replace("\0", " ")).strip() or None if value else None


def _number(value: str | None) -> str | None:
    text = _text(value)
    # udev puts an underscore for each blank of a serial that is padded on the left.
    text = text.strip("_ ") if text else None
    return text if text and text.strip("0") else None


def _scsi_serial(disk: str) -> str | None:
    # As udev: a SATA disk has its own number; any other goes by its NAA designator, then page 80.
    if transport(disk) == "usb":
        return None
    return (None if _is_ata(disk) else _naa(disk)) or _unit_serial(disk)


def _unit_serial(disk: str) -> str | None:
    page = read_bytes(f"{disk}/device/vpd_pg80")
    if page is None or len(page) < 4:
        return None
    length = int.from_bytes(page[2:4])
    return _number(page[4 : 4 + length].decode("ascii", "replace"))


def _naa(disk: str) -> str | None:
    wwid = read_text(f"{disk}/device/wwid") if is_scsi(disk) else None
    return _digits(wwid[4:]) if wwid is not None and wwid.startswith("naa.") else None


def _digits(value: str) -> str | None:
    digits = value.strip().lower().removeprefix("0x")
    return digits if digits and not _ONLY_ZEROS.match(digits) else None


def _page_83_digits(wwid: str) -> str | None:
    # scsi_id puts the designator's type first: 3 is NAA.
    digits = wwid.lower()[1:]
    return _digits(digits) if wwid[:1] == "3" and _NAA_DIGITS.match(digits) else None


def _nvme_name(value: str | None) -> str | None:
    name = value.strip().lower() if value else ""
    return name if name and not _ONLY_ZEROS.match(name) else None
