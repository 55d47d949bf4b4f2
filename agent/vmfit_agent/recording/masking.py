"""Pseudonyms for what identifies a machine: the same value has the same one in every file.

They depend on the value alone, so that a disk that two hosts share is still shared between their
recordings; whoever can guess a value can confirm it.
"""

import re
from hashlib import blake2b
from pathlib import PurePath

_RUN = re.compile(r"[0-9A-Za-z]+")
_MAC = re.compile(r"(?<![0-9a-fA-F:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![0-9a-fA-F:])")
_MAC_NAME = re.compile(r"(?<=enx)[0-9a-f]{12}\b")
# In /proc/net/if_inet6: an address whose host part is made from the MAC (RFC 4291, appendix A).
_EUI64 = re.compile(r"\b([0-9a-f]{16})([0-9a-f]{6})fffe([0-9a-f]{6})\b")
_IQN = re.compile(r"\biqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+(?::[^\s\"'<>,;&\\]+)?")
_IDENTIFYING_FILES = frozenset(
    ("machine-id", "product_uuid", "serial", "wwid", "nguid", "eui", "uuid", "unique_id")
)
# Properties of the udev database.
_IDENTIFYING_KEYS = re.compile(
    r"^(E:(?:ID_SERIAL(?:_SHORT)?|ID_SCSI_SERIAL|ID_WWN(?:_WITH_EXTENSION|_VENDOR_EXTENSION)?"
    r"|SCSI_IDENT_\w+|ID_NET_NAME_MAC)=)(.*)$",
    re.MULTILINE,
)
_WHOLE_KEYS = ("E:ID_SERIAL=",)
_PLACEHOLDERS = frozenset(("none", "default", "unknown", "0123456789", "00000000"))


def pseudonym(run: str) -> str:
    """Return other characters of the same kinds; equal beginnings stay equal.

    The first digit stays, which tells kinds of WWN apart; so does the case of letters.
    """
    lower = run.lower()
    if lower.startswith("0x"):
        return run[:2] + pseudonym(run[2:])
    is_hexadecimal = not set(lower) - set("0123456789abcdef")
    # udev and multipath put a 3 (the designator's type) before an NAA identifier.
    start = 1 if len(run) in (17, 33) and lower[0] == "3" and is_hexadecimal else 0
    masked = list(run)
    for index in range(start + 1 if is_hexadecimal else start, len(run)):
        number = blake2b(lower[start : index + 1].encode(), digest_size=2, person=b"vmfit-mask")
        masked[index] = _replace(run[index], int.from_bytes(number.digest()), is_hexadecimal)
    return "".join(masked)


def _replace(character: str, number: int, is_hexadecimal: bool) -> str:  # noqa: FBT001
    if character.isdigit():
        return str(number % 10)
    letters = "abcdef" if is_hexadecimal else "abcdefghijklmnopqrstuvwxyz"
    letter = letters[number % len(letters)]
    return letter.upper() if character.isupper() else letter


class Masking:
    """Learns from the files of one host what identifies it, then masks it in all texts."""

    def __init__(self) -> None:
        self._learnt: dict[str, str] = {}

    def learn(self, path: PurePath, text: str) -> None:
        """Note the identifying values in a file, to be masked wherever else they appear."""
        if path.name in _IDENTIFYING_FILES:
            self._learn_value(text)
        elif "udev" in path.parts:
            for match in _IDENTIFYING_KEYS.finditer(text):
                # A serial with the model before it: the model identifies nobody.
                if match[1] not in _WHOLE_KEYS:
                    self._learn_value(match[2])

    def mask_file(self, path: PurePath, text: str) -> str:
        """Return a file's text masked, all of the values in fields that identify."""
        if path.name in _IDENTIFYING_FILES:
            return _mask_value(text)
        if "udev" in path.parts:
            text = _IDENTIFYING_KEYS.sub(lambda match: match[1] + _mask_value(match[2]), text)
        return self.mask(text, exclude_udev_values="udev" in path.parts)

    def mask(self, text: str, *, exclude_udev_values: bool = False) -> str:
        """Return any text with MACs, iSCSI names and all learnt values masked."""
        text = _MAC.sub(lambda match: mask_mac(match[0]), text)
        text = _MAC_NAME.sub(lambda match: mask_mac(match[0]), text)
        text = _EUI64.sub(_mask_eui64, text)
        text = _IQN.sub(lambda match: _mask_iqn(match[0]), text)
        if exclude_udev_values:
            lines = text.split("\n")
            return "\n".join(
                line if _IDENTIFYING_KEYS.match(line) else self._mask_learnt(line) for line in lines
            )
        return self._mask_learnt(text)

    def _mask_learnt(self, text: str) -> str:
        return _RUN.sub(self._mask_run, text)

    def _mask_run(self, match: re.Match[str]) -> str:
        run = match[0]
        lower = run.lower()
        for prefix in ("", "0x", "3"):
            if lower.startswith(prefix) and lower[len(prefix) :] in self._learnt:
                return run[: len(prefix)] + pseudonym(run[len(prefix) :])
        return self._learnt_encoded(run)

    def _learnt_encoded(self, run: str) -> str:
        """Return a run that is a learnt value in hexadecimal (NVMe's WWIDs) masked likewise."""
        if len(run) < 12 or len(run) % 2 or set(run.lower()) - set("0123456789abcdef"):
            return run
        decoded = bytes.fromhex(run).decode("latin-1")
        if decoded.strip().lower() not in self._learnt:
            return run
        return _RUN.sub(lambda match: pseudonym(match[0]), decoded).encode("latin-1").hex()

    def _learn_value(self, value: str) -> None:
        for run in _RUN.findall(value):
            lower = run.lower().removeprefix("0x")
            # Shorter ones, and short numbers, are words and sizes in other files.
            if lower in _PLACEHOLDERS or len(lower) < (10 if lower.isdigit() else 6):
                continue
            if any(character.isdigit() for character in lower):
                self._learnt[lower] = run


def mask_mac(mac: str) -> str:
    """Return a MAC whose last five bytes are others; broadcast and zero stay."""
    digits = mac.replace(":", "").lower()
    if digits in ("0" * 12, "f" * 12):
        return mac
    masked = digits[:2] + blake2b(digits.encode(), digest_size=5, person=b"vmfit-mask").hexdigest()
    if ":" not in mac:
        return masked
    return ":".join(masked[index : index + 2] for index in range(0, 12, 2))


def _mask_eui64(match: re.Match[str]) -> str:
    flipped = f"{int(match[2][:2], 16) ^ 2:02x}{match[2][2:]}{match[3]}"
    masked = mask_mac(flipped)
    return f"{match[1]}{int(masked[:2], 16) ^ 2:02x}{masked[2:6]}fffe{masked[6:]}"


def _mask_iqn(name: str) -> str:
    # Masked already: a value may pass through more than once.
    if name.startswith("iqn.2000-01.org.example:"):
        return name
    return "iqn.2000-01.org.example:" + blake2b(name.encode(), digest_size=6).hexdigest()


def _mask_value(value: str) -> str:
    """Mask every run with a digit in it, and in a name of NVMe subsystems nothing else."""

    def mask(match: re.Match[str]) -> str:
        run = match[0]
        if run.lower() in _PLACEHOLDERS or not any(character.isdigit() for character in run):
            return run
        return pseudonym(run)

    return _RUN.sub(mask, value)
