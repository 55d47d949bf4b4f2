"""A field's value as text for people, in the unit that suits it."""

import json
from datetime import UTC, datetime

from google.protobuf.message import Message

from vmfit.v1.options_pb2 import Unit
from vmfit_comparator.differences.snapshot_fields import FieldPlan

Scalar = bool | int | float | str | bytes

_BINARY = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_DECIMAL = ("k", "M", "G", "T", "P")
_DIGITS = 2
_SHOWN_CHARACTERS = 300
_SUFFIXES = {
    Unit.UNIT_SECONDS: " s",
    Unit.UNIT_PPM: " ppm",
    Unit.UNIT_PERCENT: " %",
    Unit.UNIT_BITS: " bits",
}


def scalar_text(plan: FieldPlan, value: Scalar, digits: int | None = _DIGITS) -> str:
    """Return a scalar with its unit, a raw one in hexadecimal.

    A number in a larger unit has up to `digits` decimals; None keeps the base unit.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if plan.enum_names:
        return plan.enum_names.get(int(value), str(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return value
    if plan.raw and isinstance(value, int):
        return hex(value)
    number = f"{value:.15g}" if isinstance(value, float) else str(value)
    if plan.unit in (Unit.UNIT_BYTES, Unit.UNIT_BYTES_PER_SECOND):
        text = f"{number} bytes" if digits is None else _bytes(value, digits)
        return f"{text}/s" if plan.unit == Unit.UNIT_BYTES_PER_SECOND else text
    if plan.unit == Unit.UNIT_HERTZ:
        return f"{number} Hz" if digits is None else _decimal(value, "Hz", digits)
    if plan.unit == Unit.UNIT_BITS_PER_SECOND:
        return f"{number} bit/s" if digits is None else _decimal(value, "bit/s", digits)
    return f"{number}{_SUFFIXES.get(plan.unit, '')}"


def message_text(plan: FieldPlan, message: Message) -> str:
    """Return a message on one line: "type bridge, mtu_bytes 1500 bytes"; long ones are cut."""
    text = _timestamp_or_json(message) if not plan.fields else _fields_text(plan, message)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _fields_text(plan: FieldPlan, message: Message) -> str:
    by_name = {each.name: each for each in plan.fields}
    shown = []
    for field, value in message.ListFields():
        each = by_name[field.name]
        if each.is_list or each.is_map:
            shown.append(f"{field.name} ({len(value)})")
        elif each.is_message:
            shown.append(f"{field.name} ({message_text(each, value)})")
        else:
            shown.append(f"{field.name} {scalar_text(each, value)}")
    return ", ".join(shown) or "present"


def _timestamp_or_json(message: Message) -> str:
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        moment = getattr(message, "seconds") + getattr(message, "nanos") / 1e9  # noqa: B009
        try:
            return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
        except (OverflowError, ValueError, OSError):
            return f"{moment} s"
    from google.protobuf import json_format  # noqa: PLC0415 -- not needed to start the command

    return json.dumps(json_format.MessageToDict(message), sort_keys=True, ensure_ascii=False)


def _bytes(value: float, digits: int) -> str:
    if value < 1024 * 1024 and value % 1024:
        return f"{value} bytes"
    size = float(value)
    for unit in _BINARY:
        size /= 1024
        if size < 1024 or unit == _BINARY[-1]:
            break
    return f"{_rounded(size, digits)} {unit}" if value else "0 bytes"


def _decimal(value: float, unit: str, digits: int) -> str:
    size, prefix = float(value), ""
    for each in _DECIMAL:
        if size < 1000:
            break
        size, prefix = size / 1000, each
    return f"{_rounded(size, digits)} {prefix}{unit}"


def _rounded(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")
