"""YAML documents as protobuf messages, strictly: unknown names and mistyped values are errors."""

# ruff: noqa: ANN401 -- what YAML holds can be anything, and descriptors have two types

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

MAX_DOCUMENT_CHARACTERS = 256 * 1024

_SHOWN_CHARACTERS = 100
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


class DocumentError(ValueError):
    """A document that does not fit; `field` is the path of what is wrong, maybe empty."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class Document(NamedTuple):
    """What a document holds."""

    tree: Mapping[str, Any]
    lines: Mapping[str, int]
    """The line of each value, from 1 on, by its path: "facts.time.skew", "conditions[0].name"."""


class _Loader(yaml.SafeLoader):
    """As SafeLoader, but NO and YES are words, no key may repeat, no alias and no tag is there."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            # A few aliases of aliases make a document of any size.
            raise _composer_error("aliases are not used", event)
        if getattr(event, "tag", None) is not None:
            # A value that does not fit its tag is no error that the loader knows.
            raise _composer_error("tags are not used", event)
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


def _composer_error(problem: str, event: Any) -> yaml.composer.ComposerError:
    return yaml.composer.ComposerError(None, None, problem, event.start_mark)


# YAML 1.1 reads NO as false, and days and "<<" as values of their own; all are words in policies.
_WORDS = ("bool", "timestamp", "merge", "value")
_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0].rpartition(":")[2] not in _WORDS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z"), list("tf"))


def parse_document(text: str) -> Document:
    """Return the one mapping that `text` is, with its lines. Raises DocumentError."""
    if len(text) > MAX_DOCUMENT_CHARACTERS:
        raise DocumentError("", f"larger than {MAX_DOCUMENT_CHARACTERS} characters")
    lines: dict[str, int] = {}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        tree = loader.construct_document(node) if node is not None else None
        _note_lines(node, "", lines)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise DocumentError("", f"{line}{error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise DocumentError("", f"not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(tree, Mapping):
        raise DocumentError("", "not a mapping of fields")
    return Document(tree, lines)


def _note_lines(node: yaml.Node | None, path: str, lines: dict[str, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            lines[below] = key.start_mark.line + 1
            _note_lines(value, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, each in enumerate(node.value):
            lines[f"{path}[{index}]"] = each.start_mark.line + 1
            _note_lines(each, f"{path}[{index}]", lines)


def fill(message: Message, tree: Mapping[Any, Any], where: str = "") -> None:
    """Set the fields of `message` that `tree` names. Raises DocumentError."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in tree.items():
        path = f"{where}.{name}" if where else str(name)
        field = fields.get(name) if isinstance(name, str) else None
        if field is None:
            raise DocumentError(path[:_SHOWN_CHARACTERS], "no such field")
        _set(message, field, value, path)


def _set(message: Message, field: Any, value: Any, path: str) -> None:
    target: Any = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        for key, each in _mapping(value, path).items():
            at = f"{path}.{key}"
            fill(target[_text(key, path)], _mapping(each, at), at)
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
        return _text(value, path)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if isinstance(value, bool):
            return value
        raise DocumentError(path, f"must be true or false, not {_shown(value)}")
    if field.name.endswith("_seconds") and isinstance(value, str):
        return _seconds(value, path)
    whole = kind != FieldDescriptor.CPPTYPE_DOUBLE
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        kind_of_number = "whole number" if whole else "number"
        raise DocumentError(path, f"must be a {kind_of_number}, not {_shown(value)}")
    if whole and not 0 <= value < 2**64:
        raise DocumentError(path, f"{_shown(value)} is out of range")
    try:
        return value if whole else float(value)
    except OverflowError:
        raise DocumentError(path, f"{_shown(value)} is out of range") from None


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise DocumentError(path, f"must be a text, not {_shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DocumentError(path, "has a character that Unicode does not know") from None
    return value


def _enum(field: Any, value: object, path: str) -> int:
    values = field.enum_type.values
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    names: dict[str, int] = {each.name.removeprefix(prefix): each.number for each in values[1:]}
    if value not in names:
        raise DocumentError(path, f"{_shown(value)} is none of {', '.join(names)}")
    return names[str(value)]


def _seconds(text: str, path: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise DocumentError(path, f"{_shown(text)} is no duration such as 30s, 5m, 2h or 7d")
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a number of {value.bit_length()} bits"
    return repr(value)[:_SHOWN_CHARACTERS]
