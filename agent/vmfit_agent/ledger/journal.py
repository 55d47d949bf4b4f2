"""How a ledger is written down: a line for what holds, and one for every change.

The first line tells the format, the boot and the latest generation; each other one holds a lease or
the end of one. A line is its checksum (CRC-32, eight hexadecimal digits), a blank, and JSON. A last
line without its end was never answered for, and counts for nothing; any other wrong one is damage.
"""

import json
import zlib
from typing import Any, NamedTuple

from google.protobuf import json_format

from vmfit.v1.preparation_pb2 import Lease
from vmfit_agent.ledger.rules import Action, End, Ledger, Put, carry_out

FORMAT = 1


class JournalError(Exception):
    """The text is no ledger that this version can go on with; says why."""


class Journal(NamedTuple):
    """What a text says."""

    boot_id: str
    ledger: Ledger
    is_torn: bool
    """Its last line has no end."""


def write_journal(boot_id: str, ledger: Ledger) -> str:
    """Return the shortest text of a ledger."""
    header = {"format": FORMAT, "boot_id": boot_id, "generation": ledger.generation}
    leases = [write_action(Put(lease)) for _, lease in sorted(ledger.leases.items())]
    return "".join((_line(header), *leases))


def write_action(action: Action) -> str:
    """Return the line of a change."""
    if isinstance(action, Put):
        return _line({"lease": json_format.MessageToDict(action.lease)})
    return _line({"ended": action.vm_uuid, "generation": action.generation})


def read_journal(text: str) -> Journal:
    """Return what was written; raises JournalError."""
    lines = text.split("\n")
    last = lines.pop()
    if not lines:
        raise JournalError("it has no first line")
    header = _content(lines[0])
    if header is None:
        raise JournalError("line 1 is damaged")
    if header.get("format") != FORMAT:
        told = str(header.get("format"))[:20]
        raise JournalError(f"it is of format {told}, and this version reads format {FORMAT} alone")
    boot_id, generation = header.get("boot_id"), header.get("generation")
    if not isinstance(boot_id, str) or not isinstance(generation, int):
        raise JournalError("line 1 is damaged")
    ledger = Ledger(generation=generation)
    for number, line in enumerate(lines[1:], start=2):
        action = _action(line)
        if action is None:
            raise JournalError(f"line {number} is damaged")
        ledger = carry_out(ledger, action)
    return Journal(boot_id, ledger, is_torn=bool(last))


def _line(content: dict[str, object]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


def _content(line: str) -> dict[str, Any] | None:
    checksum, _, text = line.partition(" ")
    if checksum != f"{zlib.crc32(text.encode()):08x}":
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _action(line: str) -> Action | None:
    content = _content(line)
    if content is None:
        return None
    if isinstance(content.get("lease"), dict):
        try:
            lease = json_format.ParseDict(content["lease"], Lease())
        except (json_format.ParseError, ValueError):
            return None
        return Put(lease)
    ended, generation = content.get("ended"), content.get("generation")
    if isinstance(ended, str) and isinstance(generation, int):
        return End(ended, generation)
    return None
