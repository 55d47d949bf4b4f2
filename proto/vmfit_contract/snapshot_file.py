"""Snapshots and other messages on disk: canonical protobuf JSON, or the binary form."""

import logging
import os
import re
import stat
from pathlib import Path
from typing import Literal, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, EncodeError, Message

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_contract.json_text import to_json
from vmfit_contract.revisions import refusal, upgraded

_LOG = logging.getLogger(__name__)

MAX_FILE_BYTES = 256 * 1024 * 1024

Format = Literal["json", "binary"]
AnyMessage = TypeVar("AnyMessage", bound=Message)

_UNKNOWN_FIELD = re.compile(r'no field named "([^"]*)" at "([^"]*)"')
_UNKNOWN_ENUM = re.compile(r"Invalid enum value")
_SHOWN_CHARACTERS = 300
_NO_CONTENT = frozenset(
    ("schema_revision", "oldest_reader_revision", "agent_version", "taken_at", "recorded_at")
)


class SnapshotFileError(ValueError):
    """A file that cannot be read or written; the message is one line that names file and field."""


def read_snapshot(path: Path, max_bytes: int = MAX_FILE_BYTES) -> Snapshot:
    """Read a snapshot in either form, told apart by content.

    An older revision is given the latest one's form; what it does not have is absent. A newer one
    is refused only where meanings have changed; fields that are merely new are kept (binary) or
    left out with a warning (JSON). Raises SnapshotFileError.
    """
    snapshot = read_message(path, Snapshot, max_bytes)
    if reason := refusal(snapshot):
        raise SnapshotFileError(f"{path}: {reason}; upgrade vmfit to read it")
    present = {field.name for field, _ in snapshot.ListFields()}
    if not present - _NO_CONTENT:
        raise SnapshotFileError(f"{path}: not a snapshot: it has no parts")
    return upgraded(snapshot)


def read_message(
    path: Path, message_type: type[AnyMessage], max_bytes: int = MAX_FILE_BYTES
) -> AnyMessage:
    """Read one message in either form, told apart by content. Raises SnapshotFileError."""
    content = _read(path, max_bytes)
    if content.lstrip()[:1] in (b"{", b"["):
        return _from_json(path, content, message_type)
    message = message_type()
    try:
        message.ParseFromString(content)
    except DecodeError:
        raise SnapshotFileError(
            f"{path}: not a {_name(message_type)}: neither JSON nor an undamaged protobuf message"
        ) from None
    # Text and other files often happen to parse, as nothing but unknown fields.
    if not message.ListFields():
        raise SnapshotFileError(f"{path}: not a {_name(message_type)}: no field of one in it")
    if isinstance(message, Snapshot):
        _check_whole(path, message)
    return message


def write_snapshot(snapshot: Snapshot, path: Path, format: Format = "json") -> None:  # noqa: A002 -- the command's word
    """Write a snapshot so that a reader sees the old file or the new one, never a part.

    Raises SnapshotFileError, and leaves the old file as it was.
    """
    try:
        content = (
            to_json(snapshot).encode()
            if format == "json"
            else snapshot.SerializeToString(deterministic=True)
        )
    except EncodeError as error:
        raise SnapshotFileError(f"{path}: cannot be written: {_one_line(error)}") from None
    try:
        _write(path, content)
    except OSError as error:
        raise SnapshotFileError(f"{path}: cannot be written: {error.strerror}") from None


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise SnapshotFileError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:  # A null byte in the path.
        raise SnapshotFileError(f"{str(path)!r}: not a path") from None
    if len(content) > max_bytes:
        raise SnapshotFileError(f"{path}: larger than {max_bytes} bytes, the most that is read")
    if not content.strip():
        raise SnapshotFileError(f"{path}: empty")
    return content


def _from_json(path: Path, content: bytes, message_type: type[AnyMessage]) -> AnyMessage:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise SnapshotFileError(f"{path}: not UTF-8 at byte {error.start}") from None
    try:
        return json_format.Parse(text, message_type())
    except json_format.ParseError as error:
        reason = _one_line(error)
    except RecursionError:
        raise SnapshotFileError(f"{path}: nested too deeply") from None
    unknown = _UNKNOWN_FIELD.search(reason)
    if unknown is None and not _UNKNOWN_ENUM.search(reason):
        raise SnapshotFileError(f"{path}: not a {_name(message_type)}: {reason}")
    message = message_type()
    try:
        json_format.Parse(text, message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise SnapshotFileError(
            f"{path}: not a {_name(message_type)}: {_one_line(error)}"
        ) from None
    if not message.ListFields():
        raise SnapshotFileError(f"{path}: not a {_name(message_type)}: {reason}")
    what = f"{unknown[2]}.{unknown[1]}" if unknown else reason
    _LOG.warning("%s: left out what this version does not know, first %s", path, what)
    return message


def _check_whole(path: Path, snapshot: Snapshot) -> None:
    # The binary form has no end mark: a file cut between two fields still parses.
    for status in snapshot.parts:
        field = snapshot.DESCRIPTOR.fields_by_name.get(status.name)
        if field is None or field.message_type is None or field.is_repeated:
            continue
        collected = bool(status.digest) and not status.error and not status.unchanged
        if collected and not snapshot.HasField(status.name):  # type: ignore[arg-type]
            raise SnapshotFileError(
                f"{path}: {status.name}: collected, yet not in the file: it was cut short"
            )


def _write(path: Path, content: bytes) -> None:
    # A link keeps pointing to where it did; devices and pipes have nothing to replace.
    final = path.resolve()
    if final.exists() and not stat.S_ISREG(final.stat().st_mode):
        final.write_bytes(content)
        return
    temporary = final.with_name(f".{final.name[:200]}.{os.urandom(4).hex()}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(final)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _name(message_type: type[Message]) -> str:
    return message_type.DESCRIPTOR.name.lower()


def _one_line(error: Exception) -> str:
    line = " ".join(str(error).split()).rstrip(".")
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "…"
