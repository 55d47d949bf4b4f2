"""Messages that are well-formed and strange: a seed's, changed where the fuzzer's bytes say."""

from google.protobuf.message import DecodeError

NUMBERS = (0, 1, -1, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63), 2**64 - 1)
TEXTS = (
    "", "\0", "\x1b[31m", "\u202e", "A" * 300, "a/" * 200, "../../etc/passwd", "naa.", "0x", "-1",
    "1e400", "true", "qemu:///system", "[::1]:16530", "unix:/x", "source.cpu", "*", "0-16383",
)  # fmt: skip
FLOATS = (0.0, -0.0, 1e308, float("nan"), float("inf"), float("-inf"), 1e-320)
_DEEPEST = 12


def changed(message, data):
    """Return the message with up to eight changes; `data` is a FuzzedDataProvider."""
    for _ in range(data.ConsumeIntInRange(0, 8)):
        _change(message, data, 0)
    return message


def _change(message, data, depth):
    fields = message.DESCRIPTOR.fields
    if not fields or depth > _DEEPEST:
        return
    set_fields = [field for field, _ in message.ListFields()]
    # Mostly where something is: the rest of a large message is as strange when it is empty.
    known = set_fields if set_fields and data.ConsumeIntInRange(0, 3) else fields
    field = known[data.ConsumeIntInRange(0, len(known) - 1)]
    if data.ConsumeIntInRange(0, 9) == 0:
        message.ClearField(field.name)
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        return
    elif field.is_repeated:
        _change_list(message, field, data, depth)
    elif field.message_type is not None:
        inner = getattr(message, field.name)
        inner.SetInParent()
        _change(inner, data, depth + 1)
    else:
        _set(message, field, _value(field, data))


def _change_list(message, field, data, depth):
    elements = getattr(message, field.name)
    action = data.ConsumeIntInRange(0, 3)
    index = data.ConsumeIntInRange(0, max(len(elements) - 1, 0))
    if field.message_type is None:
        value = _value(field, data)
        _try(lambda: elements.append(value))
    elif action == 0 and len(elements):
        del elements[index]
    elif action == 1 and len(elements):
        for _ in range(data.ConsumeIntInRange(1, 40)):
            elements.add().CopyFrom(elements[index])
    elif action == 2 and len(elements):
        _change(elements[index], data, depth + 1)
    else:
        _change(elements.add(), data, depth + 1)


def _set(message, field, value):
    _try(lambda: setattr(message, field.name, value))


def _try(change):
    try:
        change()
    except (ValueError, TypeError):  # The field's type does not take the value.
        return


def _value(field, data):
    if field.enum_type is not None:
        return data.ConsumeIntInRange(-1, len(field.enum_type.values) + 1)
    if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return data.PickValueInList([*FLOATS, data.ConsumeFloat()])
    if field.type == field.TYPE_STRING:
        return data.PickValueInList([*TEXTS, data.ConsumeUnicodeNoSurrogates(40)])
    if field.type == field.TYPE_BYTES:
        return data.ConsumeBytes(40)
    if field.type == field.TYPE_BOOL:
        return data.ConsumeBool()
    return data.PickValueInList([*NUMBERS, data.ConsumeInt(8)])


def parsed(kind, content):
    """Return the message that the bytes are, or None."""
    try:
        return kind.FromString(content)
    except DecodeError:
        return None
