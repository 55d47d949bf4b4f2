"""The names of an enum's values, for people."""

from collections.abc import Mapping
from types import MappingProxyType

from google.protobuf.descriptor import EnumDescriptor


def names_of_values(enum: EnumDescriptor | None) -> Mapping[int, str]:
    """Return the names by number, without what the enum prefixes them with; empty for no enum."""
    if enum is None:
        return MappingProxyType({})
    prefix = "".join(f"_{each}" if each.isupper() else each.upper() for each in enum.name)
    prefix = f"{prefix.lstrip('_')}_"
    return MappingProxyType({each.number: each.name.removeprefix(prefix) for each in enum.values})
