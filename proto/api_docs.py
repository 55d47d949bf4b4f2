"""Writes docs/api.md: every service, call and message of the contract, from the .proto files.

Run `uv run python proto/api_docs.py` after an edit; a test fails when it was forgotten. What a
snapshot and a described VM hold stands in docs/snapshot.md.
"""

# ruff: noqa: INP001 -- a script, not a package

import sys
from collections.abc import Iterator
from pathlib import Path

import snapshot_docs as described
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from vmfit.v1 import roles_pb2

TARGET = described.ROOT.parent / "docs" / "api.md"

_PACKAGE = ".vmfit.v1."
_HEAD = """# The services

Every call of the agent and of the comparator. Generated from the .proto files by
`uv run python proto/api_docs.py`; do not edit.

Beside them both offer gRPC's health checking and reflection. A call needs a role: *read*, *probe*,
*check*, *prepare* or *administer*; [security.md](security.md) tells who has it. Errors carry
reasons for programs: [errors.md](errors.md). For Python there is a client:
[schedulers.md](schedulers.md).

- An *optional* field is absent when it is unknown, or when there is no such thing.
- A *costly* call is one of few that a server answers at a time.
- What a snapshot holds stands in [snapshot.md](snapshot.md).
"""


def main() -> None:
    """Write the document, or the file that is named."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.write_text(document(described.build(described.ROOT)))


def document(files: FileDescriptorSet) -> str:
    """Return the whole document as Markdown."""
    types = {name: found for file in files.file for name, found in described.types_of(file)}
    elsewhere = _reached(f"{_PACKAGE}Snapshot", types)
    lines = [_HEAD]
    used: dict[str, None] = {}
    for file in files.file:
        for index, service in enumerate(file.service):
            lines += [f"## {service.name}", "", *_calls(file, index), ""]
            for method in service.method:
                for name in (method.input_type, method.output_type):
                    used |= dict.fromkeys(_reached(name, types))
    lines += ["## Messages", ""]
    for name in used:
        if name not in elsewhere:
            lines += [f"### {described.short(name)}", "", *_message(types[name]), ""]
    text = "\n".join(lines).rstrip("\n") + "\n"
    for name in elsewhere:
        short = described.short(name)
        text = text.replace(f"(#{short.lower()})", f"(snapshot.md#{short.lower()})")
    return text


def _calls(file: FileDescriptorProto, service: int) -> Iterator[str]:
    # Field numbers of FileDescriptorProto and ServiceDescriptorProto: see descriptor.proto.
    comments = {
        tuple(each.path): " ".join(each.leading_comments.split())
        for each in file.source_code_info.location
    }
    yield from (
        comments.get((6, service), ""),
        "",
        "| call | role | what it does |",
        "|---|---|---|",
    )
    for place, method in enumerate(file.service[service].method):
        role = roles_pb2.Role.Name(method.options.Extensions[roles_pb2.role])
        costly = ", costly" if method.options.Extensions[roles_pb2.costly] else ""
        request, response = map(described.short, (method.input_type, method.output_type))
        stream = "stream of " if method.server_streaming else ""
        signature = f"`{method.name}` ([{request}](#{request.lower()})): {stream}"
        signature += f"[{response}](#{response.lower()})"
        told = described.cell(comments.get((6, service, 2, place), ""))
        yield f"| {signature} | {role.removeprefix('ROLE_').lower()}{costly} | {told} |"


def _message(found: described.DescribedType) -> Iterator[str]:
    yield from [found.comment, ""] if found.comment else []
    definition = found.definition
    if not isinstance(definition, DescriptorProto):
        yield from described.table(found)
        return
    if not definition.field:
        yield "Has no fields."
        return
    yield from ("| field | type | meaning |", "|---|---|---|")
    for field, comment in zip(definition.field, found.members, strict=True):
        choice = ""
        if field.HasField("oneof_index") and not field.proto3_optional:
            choice = f"One of *{definition.oneof_decl[field.oneof_index].name}*. "
        yield (
            f"| `{field.name}` | {described.type_text(field, definition)} "
            f"| {choice}{described.cell(comment)} |"
        )


def _reached(name: str, types: dict[str, described.DescribedType]) -> dict[str, None]:
    """Return a message and all that it can hold, in the order in which they are met."""
    met: dict[str, None] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop(0)
        if current not in types or current in met:
            continue
        met[current] = None
        definition = types[current].definition
        if isinstance(definition, DescriptorProto):
            nested = [field for each in definition.nested_type for field in each.field]
            waiting += [field.type_name for field in (*definition.field, *nested)]
    return met


if __name__ == "__main__":
    main()
