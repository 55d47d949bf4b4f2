"""YAML documents as protobuf messages, strictly: unknown names and mistyped values are errors."""

# ruff: noqa: ANN401 -- what YAML holds can be anything, and descriptors have two types

import re
from collections.abc import Mapping
from typing import Any

import yaml
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

MAX_DOCUMENT_CHARACTERS = 1024 * 1024

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


class DocumentError(ValueError):
    """A document that does not fit; `field` is the path of what is wrong, maybe empty."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class _Loader(yaml.SafeLoader):
    """As SafeLoader, but NO and YES are words, no key may repeat, and aliases do not exist."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            # A few aliases of aliases make a document of any size.
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not used", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 -- PyYAML's
    ) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads NO as false; answers are written as they are spelled.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), list("tf"))


def parse_document(text: str) -> Mapping[str, Any]:
    """Return the one mapping that `text` is. Raises DocumentError."""
    if len(text) > MAX_DOCUMENT_CHARACTERS:
        raise DocumentError("", f"larger than {MAX_DOCUMENT_CHARACTERS} characters")
    try:
        tree = yaml.load(text, _Loader)  # noqa: S506 -- a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise DocumentError("", f"{line}{error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError("", f"not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(tree, Mapping):
        raise DocumentError("", "not a mapping of fields")
    return tree


def fill(message: Message, tree: Mapping[Any, Any], where: str = "") -> None:
    """Set the fields of `message` that `tree` names. Raises DocumentError."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in tree.items():
        path = f"{where}.{name}" if where else str(name)
        field = fields.get(name) if isinstance(name, str) else None
        if field is None:
            raise DocumentError(path, "no such field")
        _set(message, field, value, path)


def _set(message: Message, field: Any, value: Any, path: str) -> None:
    target: Any = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        for key, each in _mapping(value, path).items():
            fill(target[str(key)], _mapping(each, f"{path}.{key}"), f"{path}.{key}")
    elif field.is_repeated:
        if not isinstance(value, list):
            raise DocumentError(path, "must be a list")
        for index, each in enumerate(value):
            at = f"{path}[{index}]"
            if field.message_type is not None:
                fill(target.add(), _mapping(each, at), at)
            else:
                target.append(_scalar(field, each, at))
    elif field.message_type is not None:
        target.SetInParent()
        fill(target, _mapping(value, path), path)
    else:
        setattr(message, field.name, _scalar(field, value, path))


def _mapping(value: Any, path: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise DocumentError(path, "must have fields")
    return value


def _scalar(field: Any, value: Any, path: str) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(field, value, path)
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if isinstance(value, str):
            return value
        raise DocumentError(path, f"must be a text, not {value!r}")
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if isinstance(value, bool):
            return value
        raise DocumentError(path, f"must be true or false, not {value!r}")
    if field.name.endswith("_seconds") and isinstance(value, str):
        return _seconds(value, path)
    whole = kind != FieldDescriptor.CPPTYPE_DOUBLE
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise DocumentError(path, f"must be a {'whole ' if whole else ''}number, not {value!r}")
    if whole and not 0 <= value < 2**64:
        raise DocumentError(path, f"{value} is out of range")
    return value


def _enum(field: Any, value: object, path: str) -> int:
    values = field.enum_type.values
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    names: dict[str, int] = {each.name.removeprefix(prefix): each.number for each in values[1:]}
    if value not in names:
        raise DocumentError(path, f"{value!r} is none of {', '.join(names)}")
    return names[str(value)]


def _seconds(text: str, path: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise DocumentError(path, f"{text!r} is no duration such as 30s, 5m, 2h or 7d")
    return float(match[1]) * _UNIT_SECONDS[match[2]]
