"""What operators say of the host: JSON files in a drop-in directory."""

import json
import math
from typing import NoReturn

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.struct_pb2 import Struct

from vmfit.v1.host_pb2 import Attributes
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import is_regular_file, list_names, read_text
from vmfit_agent.redaction.json_tree import redact_tree

FILES = ("etc/vmfit/attributes.d/*.json",)
_MAXIMUM_FILES = 256
_MAXIMUM_FILE_BYTES = 64 << 10
# All attributes together must leave room for the host's own facts in one gRPC message.
_MAXIMUM_BYTES = 1 << 20
# A reader of protocol buffers stops at a hundred levels, and each of JSON's takes three.
_MAXIMUM_DEPTH = 16


def collect(host: Host) -> Attributes:
    """Return one entry per usable file; each other file is named in a warning, and why.

    No entries when there is no such directory. Numbers are doubles, as in JavaScript.
    """
    attributes = Attributes()
    directory = str(host.attributes_directory).lstrip("/")
    names = [name for name in list_names(host, directory) if _is_candidate(name)]
    if len(names) > _MAXIMUM_FILES:
        host.warn(f"/{directory}: only the first {_MAXIMUM_FILES} of {len(names)} files are read")
    size = 0
    for name in names[:_MAXIMUM_FILES]:
        path = f"{directory}/{name}"
        if not is_regular_file(host, path):
            host.warn(f"/{path}: not a regular file")
            continue
        text = read_text(host, path, limit=_MAXIMUM_FILE_BYTES)
        if text is None:
            continue
        size += len(text)
        if size > _MAXIMUM_BYTES:
            host.warn(f"/{path}: left out with all that follow: over {_MAXIMUM_BYTES} bytes in all")
            break
        try:
            attributes.values[name.removesuffix(".json")].CopyFrom(parse_attributes(text))
        except ValueError as error:
            host.warn(f"/{path}: {error}")
            attributes.values.pop(name.removesuffix(".json"), None)
    return attributes


def _is_candidate(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".") and name.isprintable()


def parse_attributes(text: str) -> Struct:
    """Return the JSON object, secrets in it blanked; ValueError for anything else, and why."""
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError(f"nested more than {_MAXIMUM_DEPTH} deep") from None
    if not isinstance(value, dict):
        # The text is wrong, not the caller.
        raise ValueError(f"not a JSON object but {_kind(value)}")  # noqa: TRY004
    if _is_deeper(value, _MAXIMUM_DEPTH):
        raise ValueError(f"nested more than {_MAXIMUM_DEPTH} deep")
    try:
        redacted = redact_tree(value)
        assert isinstance(redacted, dict)
        return ParseDict(redacted, Struct())
    except (ParseError, UnicodeEncodeError, OverflowError) as error:
        raise ValueError(str(error)) from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"{number[:40]} is too large")
    return value


def _kind(value: object) -> str:
    return {list: "an array", str: "a text", bool: "a truth value", type(None): "null"}.get(
        type(value), "a number"
    )


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)
