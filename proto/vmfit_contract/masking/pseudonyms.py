"""Other values of the same shape, by a key: equal for equal ones, and no way back without it."""

# hashlib itself would load OpenSSL.
from _blake2 import blake2b

_PERSON = b"vmfit-mask"
KEPT_WORDS = frozenset((
    # What tells kinds of identifiers apart, and what devices say that have none.
    "bitlk", "crypt", "default", "dmraid", "eui", "luks", "luks1", "luks2", "lvm", "mpath", "naa",
    "none", "nvme", "null", "plain", "t10", "tcrypt", "unknown", "uuid", "verity",
))  # fmt: skip
_HEXADECIMAL = frozenset("0123456789abcdef")
_DIGITS, _LETTERS = "0123456789", "abcdefghijklmnopqrstuvwxyz"
_SHORTEST_ENCODED = 12
_MAC_DIGITS = 12


class Pseudonyms:
    """Pseudonyms by one key. Not for several threads at once."""

    def __init__(self, key: bytes) -> None:
        """Take a key of any length; who has it can confirm a guess."""
        self._key = blake2b(key, digest_size=32, person=_PERSON).digest()
        self._runs: dict[str, str] = {}

    @property
    def key_name(self) -> str:
        """What tells this key from others, and nothing of it: 16 hexadecimal digits."""
        return self.digest(b"name of the key", 8).hex()

    def digest(self, value: bytes, size: int) -> bytes:
        """Return `size` bytes, at most 64, that stand for the value."""
        return blake2b(value, key=self._key, digest_size=size, person=_PERSON).digest()

    def run(self, run: str) -> str:
        """Return other letters and digits for a run of them; equal beginnings stay equal.

        Runs that differ differ still: after one beginning, each character has one of its own.
        Digits stay digits and letters keep their case, within hexadecimal numbers too. The first
        digit of these stays, which tells kinds of world-wide names apart; so do "0x", the 3 before
        an NAA name, runs of zeros, words that tell kinds apart, and "part1". ASCII in hexadecimal,
        as in NVMe's names, becomes the pseudonym of what it says.
        """
        known = self._runs.get(run)
        if known is None:
            known = self._runs[run] = self._masked(run)
        return known

    def _masked(self, run: str) -> str:
        lower = run.lower()
        if lower in KEPT_WORDS or not lower.strip("0") or _is_partition(lower):
            return run
        if lower.startswith("0x"):
            return run[:2] + self.run(run[2:])
        is_hexadecimal = not set(lower) - _HEXADECIMAL
        encoded = _decoded(lower) if is_hexadecimal else None
        if encoded is not None:
            return self._words(encoded).encode("ascii").hex()
        # udev and multipath put a 3 (the designator's type) before an NAA identifier.
        start = 1 if len(run) in (17, 33) and lower[0] == "3" and is_hexadecimal else 0
        masked = list(run)
        for index in range(start + 1 if is_hexadecimal else start, len(run)):
            masked[index] = self._replaced(run[index], lower[start:index], is_hexadecimal)
        # Zeros would say that there is none.
        return "".join(masked) if "".join(masked).strip("0") else f"{''.join(masked[:-1])}1"

    def _replaced(self, character: str, before: str, is_hexadecimal: bool) -> str:  # noqa: FBT001
        """Return what takes a character's place: by a permutation that what stands before sets."""
        alphabet = _DIGITS if character.isdigit() else _LETTERS[: 6 if is_hexadecimal else 26]
        weights = self.digest(f"{before} {alphabet[0]}".encode(), 2 * len(alphabet))
        order = sorted(range(len(alphabet)), key=lambda index: weights[2 * index : 2 * index + 2])
        replaced = alphabet[order[alphabet.index(character.lower())]]
        return replaced.upper() if character.isupper() else replaced

    def _words(self, text: str) -> str:
        return "".join(self.run(part) if part.isalnum() else part for part in _parts(text))

    def mac(self, digits: str) -> str:
        """Return twelve hexadecimal digits for twelve, the first two as they were.

        They tell multicast and local addresses; a tap's address, which differs from its guest's in
        these, still does. Broadcast and zero stay.
        """
        lower = digits.lower()
        if lower in ("0" * _MAC_DIGITS, "f" * _MAC_DIGITS):
            return lower
        return lower[:2] + self.digest(lower[2:].encode(), 5).hex()

    def iscsi_name(self, name: str) -> str:
        """Return an iSCSI name, or one of NVMe over fabrics, of the domain for examples."""
        kind = name[:3].lower()
        return f"{kind}.2000-01.org.example:{self.digest(name.lower().encode(), 6).hex()}"

    def octets(self, content: bytes) -> bytes:
        """Return as many octets as there are."""
        return b"".join(
            self.digest(index.to_bytes(4) + content, min(64, len(content) - index))
            for index in range(0, len(content), 64)
        )


def _is_partition(word: str) -> bool:
    return word.startswith("part") and word[4:].isdigit()


def _decoded(run: str) -> str | None:
    """Return the ASCII that a long hexadecimal number stands for, None where it is a number."""
    if len(run) < _SHORTEST_ENCODED or len(run) % 2:
        return None
    decoded = bytes.fromhex(run).decode("latin-1")
    is_text = decoded.isascii() and decoded.isprintable() and any(map(str.isalnum, decoded))
    return decoded if is_text else None


def _parts(text: str) -> list[str]:
    parts: list[str] = []
    for character in text:
        if parts and parts[-1][-1].isalnum() == character.isalnum():
            parts[-1] += character
        else:
            parts.append(character)
    return parts
