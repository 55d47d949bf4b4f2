"""Writes docs/snapshot.md: every part and field of a snapshot, from the .proto files.

Run `uv run python proto/snapshot_docs.py` after an edit; a test fails when it was forgotten.
"""

# ruff: noqa: INP001 -- a script, not a package

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from vmfit.v1 import options_pb2
from vmfit.v1.options_pb2 import Sensitivity, Unit, Volatility

ROOT = Path(__file__).parent
TARGET = ROOT.parent / "docs" / "snapshot.md"

_PACKAGE = ".vmfit.v1."
_HEAD = """# The snapshot

What a host says of itself, part by part. Generated from the .proto files by
`uv run python proto/snapshot_docs.py`; do not edit.

- A part that is absent could not be collected; `parts[].error` says why.
- An *optional* field is absent when it is unknown, or when there is no such thing.
- Volatility: *static* until reboot or upgrade, *slow* until an administrator acts, *volatile* at
  any moment. It holds for everything below a field, until a field below says otherwise.
- A *set* has no order, an *ordered list* has; the elements of a *list by* something are identified
  by these fields. Alternatives are separated by "or", the strongest first.
- What a text gives away: *identifies* is a value that one machine, disk or installation alone
  has, *names* a site's own name for something, *mentions* a text in which these can stand, and
  *secret* a text whose secrets are blanked ("***"). A text without any gives away nothing.
- *Raw* values are registers as hardware gives them; another field says what they mean.
"""


@dataclass(frozen=True, slots=True)
class DescribedType:
    """A message or an enum with its comment and those of what is in it."""

    definition: DescriptorProto | EnumDescriptorProto
    comment: str
    members: list[str]


def main() -> None:
    """Write the document."""
    TARGET.write_text(document(build(ROOT)))


def build(root: Path) -> FileDescriptorSet:
    """Return the descriptors with their comments. Raises RuntimeError when buf fails."""
    buf = shutil.which("buf") or str(Path(sys.executable).with_name("buf"))
    result = subprocess.run(  # noqa: S603 -- our own tool on our own files
        [buf, "build", "-o", "-#format=binpb"], cwd=root, capture_output=True, check=False
    )
    if result.returncode:
        raise RuntimeError(f"buf build: {result.stderr.decode().strip()}")
    return FileDescriptorSet.FromString(result.stdout)


def document(files: FileDescriptorSet) -> str:
    """Return the whole document as Markdown."""
    types = {name: found for file in files.file for name, found in types_of(file)}
    snapshot = types[f"{_PACKAGE}Snapshot"]
    lines = [_HEAD, "## Snapshot", "", *_paragraph(snapshot.comment), *table(snapshot), ""]
    written = {f"{_PACKAGE}Snapshot"}
    assert isinstance(snapshot.definition, DescriptorProto)
    for field in snapshot.definition.field:
        if field.type_name.startswith(_PACKAGE) and field.type_name not in written:
            lines += _section(field.type_name, types, written, f"## {short(field.type_name)}")
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(
    name: str, types: dict[str, DescribedType], written: set[str], heading: str
) -> Iterator[str]:
    """Yield a type and, below it, the types of its fields that are not written yet."""
    written.add(name)
    found = types[name]
    yield from (heading, "", *_paragraph(found.comment), *table(found), "")
    if isinstance(found.definition, EnumDescriptorProto):
        return
    nested = {f"{name}.{each.name}": each for each in found.definition.nested_type}
    for field in found.definition.field:
        type_name = field.type_name
        if type_name in nested:
            type_name = nested[type_name].field[1].type_name
        if type_name.startswith(_PACKAGE) and type_name not in written:
            yield from _section(type_name, types, written, f"### {short(type_name)}")


def table(found: DescribedType) -> Iterator[str]:
    """Yield the lines of a table of what is in a message or an enum."""
    if isinstance(found.definition, EnumDescriptorProto):
        yield from ("| value | meaning |", "|---|---|")
        for value, comment in zip(found.definition.value, found.members, strict=True):
            yield f"| `{value.name}` | {cell(comment)} |"
        return
    yield from (
        "| field | type | changes | gives away | meaning | source |",
        "|---|---|---|---|---|---|",
    )
    for field, comment in zip(found.definition.field, found.members, strict=True):
        extensions = field.options.Extensions
        volatility = extensions[options_pb2.volatility]
        cells = (
            f"`{field.name}`",
            type_text(field, found.definition),
            Volatility.Name(volatility).removeprefix("VOLATILITY_").lower() if volatility else "",
            _sensitivity_text(extensions[options_pb2.sensitivity]),
            cell(f"{comment} {_raw_text(extensions[options_pb2.raw])}".strip()),
            cell(extensions[options_pb2.source]),
        )
        yield f"| {' | '.join(cells)} |"


def _sensitivity_text(sensitivity: Sensitivity.ValueType) -> str:
    name = Sensitivity.Name(sensitivity).removeprefix("SENSITIVITY_")
    return name.lower() if sensitivity else ""


def _raw_text(meaning: str) -> str:
    return f"Raw: `{meaning}` says what it means." if meaning else ""


def type_text(field: FieldDescriptorProto, owner: DescriptorProto) -> str:
    """Return what a field holds, in words, linked to its type."""
    extensions = field.options.Extensions
    name = _element_text(field)
    entry = next(
        (each for each in owner.nested_type if field.type_name.endswith(f".{each.name}")), None
    )
    if entry is not None:
        return f"map of {_element_text(entry.field[0])} to {_element_text(entry.field[1])}"
    if extensions[options_pb2.unit]:
        unit = Unit.Name(extensions[options_pb2.unit]).removeprefix("UNIT_")
        name += f", {unit.lower().replace('_', ' ')}"
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        key = extensions[options_pb2.key]
        if key:
            alternatives = (each.replace(",", " + ") for each in key.split("|"))
            return f"list of {name} by {' or '.join(alternatives)}"
        is_set = not field.type_name.startswith(_PACKAGE) and not extensions[options_pb2.ordered]
        return f"{'set' if is_set else 'ordered list'} of {name}"
    return f"optional {name}" if field.proto3_optional else name


def _element_text(field: FieldDescriptorProto) -> str:
    if not field.type_name:
        return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    name = short(field.type_name)
    return f"[{name}](#{name.lower()})" if field.type_name.startswith(_PACKAGE) else name


def types_of(file: FileDescriptorProto) -> Iterator[tuple[str, DescribedType]]:
    """Yield the messages and enums of a file by their full names."""
    comments = {
        tuple(each.path): " ".join(each.leading_comments.split())
        for each in file.source_code_info.location
    }
    # Field numbers of FileDescriptorProto and of what is in it: see descriptor.proto.
    for index, message in enumerate(file.message_type):
        members = [comments.get((4, index, 2, place), "") for place in range(len(message.field))]
        yield (
            f".{file.package}.{message.name}",
            DescribedType(message, comments.get((4, index), ""), members),
        )
    for index, enum in enumerate(file.enum_type):
        members = [comments.get((5, index, 2, place), "") for place in range(len(enum.value))]
        yield (
            f".{file.package}.{enum.name}",
            DescribedType(enum, comments.get((5, index), ""), members),
        )


def short(type_name: str) -> str:
    """Return a type's own name."""
    return type_name.rpartition(".")[2]


def _paragraph(comment: str) -> list[str]:
    return [comment, ""] if comment else []


def cell(text: str) -> str:
    """Return text as it stands in a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    main()
