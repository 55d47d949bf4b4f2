"""What a question must look like to be asked at all."""

import itertools
import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from vmfit.v1.host_metadata_service_pb2 import ProbeCase, ProbeRequest
from vmfit.v1.probe_pb2 import (
    AccessPath,
    ConnectPort,
    HashBlocks,
    MeasureDirtyRate,
    OpenDisk,
    OpenListener,
    Probe,
    ReadDefinition,
    ResolveName,
)
from vmfit_agent.probes.addresses import parse_address
from vmfit_contract.content_key import nonces_complaint

MAX_PROBES = 64
DEFAULT_SECONDS = 2.0
MAX_SECONDS = 10.0
MAX_PORTS = 64
MAX_OFFSETS = 64
MAX_BLOCK_BYTES = 65536
SECTOR_BYTES = 512
"""Fewer bytes are not hashed: who knows the key could try all that they may be."""
MAX_PERIOD_SECONDS = 5
_MAX_NAME_CHARACTERS = 253
_MAX_TEXT_BYTES = 4095
_MAX_HOSTS = 32
_MAX_CASE_HOSTS = 512
_MAX_XML_BYTES = 1024 * 1024
_LAST_OFFSET = (1 << 63) - MAX_BLOCK_BYTES - (1 << 16)

Complaint = tuple[str, str]
"""The path of a field within the question, and what is wrong with it."""


def first_complaint(probes: Sequence[Probe]) -> Complaint | None:
    """Return the path of the first field that is wrong and why, None when all is well."""
    if len(probes) > MAX_PROBES:
        return "probes", f"more than {MAX_PROBES}"
    for index, probe in enumerate(probes):
        for path, why in _complaints(probe):
            return f"probes[{index}]{'.' if path else ''}{path}", why
    return None


def request_complaint(request: ProbeRequest) -> Complaint | None:
    """Return the same for a whole request."""
    found = first_complaint(request.probes)
    return found or next(_case(request.case), None)


def _case(case: ProbeCase) -> Iterator[Complaint]:
    if len(case.hosts) > _MAX_CASE_HOSTS:
        yield "case.hosts", f"more than {_MAX_CASE_HOSTS}"
    for index, name in enumerate(case.hosts):
        yield from _name(f"case.hosts[{index}]", name)
    if case.HasField("xml") and not 1 <= len(case.xml.encode()) <= _MAX_XML_BYTES:
        yield "case.xml", f"must have 1 to {_MAX_XML_BYTES} bytes"
    if case.HasField("uuid"):
        yield from _uuid("case.uuid", case.uuid)


def _complaints(probe: Probe) -> Iterator[Complaint]:
    kind = probe.WhichOneof("question")
    if kind is None:
        yield "", f"asks none of {', '.join(_CHECKS)}"
        return
    if probe.HasField("timeout_seconds"):
        yield from _seconds("timeout_seconds", probe.timeout_seconds)
    for path, why in _CHECKS[kind](getattr(probe, kind)):
        yield f"{kind}.{path}", why


def _resolve_name(question: ResolveName) -> Iterator[Complaint]:
    yield from _name("name", question.name)


def _open_listener(question: OpenListener) -> Iterator[Complaint]:
    if question.address:
        yield from _name("address", question.address)
    yield from _port("first_port", question.first_port)
    yield from _port("last_port", question.last_port)
    count = question.last_port - question.first_port + 1
    if not 1 <= count <= MAX_PORTS:
        yield "last_port", f"the range must hold 1 to {MAX_PORTS} ports"
    yield from _seconds("seconds", question.seconds)


def _connect_port(question: ConnectPort) -> Iterator[Complaint]:
    yield from _name("host", question.host)
    yield from _port("port", question.port)


def _open_disk(question: OpenDisk) -> Iterator[Complaint]:
    source = question.source
    if source.type != "network":
        yield "source.type", 'must be "network"'
    if not source.protocol:
        yield "source.protocol", "must be set"
    if len(source.hosts) > _MAX_HOSTS:
        yield "source.hosts", f"more than {_MAX_HOSTS}"
    for field in ("protocol", "name", "initiator_name"):
        yield from _text(f"source.{field}", getattr(source, field))
    for index, host in enumerate(source.hosts):
        path = f"source.hosts[{index}]"
        if host.HasField("port"):
            yield from _port(f"{path}.port", host.port)
        if host.transport == "unix":
            yield from _path(f"{path}.socket", host.socket)
        else:
            yield from _name(f"{path}.name", host.name)


def _access_path(question: AccessPath) -> Iterator[Complaint]:
    yield from _path("path", question.path)


def _hash_blocks(question: HashBlocks) -> Iterator[Complaint]:
    yield from _path("path", question.path)
    if not question.nonces:
        yield "nonces", "must hold one of the agent's own"
    if complaint := nonces_complaint(question.nonces):
        yield "nonces", complaint
    if len(question.offsets) > MAX_OFFSETS:
        yield "offsets", f"more than {MAX_OFFSETS}"
    if any(later <= earlier for earlier, later in itertools.pairwise(question.offsets)):
        yield "offsets", "must ascend"
    for index, offset in enumerate(question.offsets):
        if offset % SECTOR_BYTES or offset > _LAST_OFFSET:
            yield f"offsets[{index}]", f"must be a multiple of {SECTOR_BYTES} below 2^63"
    length = question.block_bytes
    if not SECTOR_BYTES <= length <= MAX_BLOCK_BYTES or length % SECTOR_BYTES:
        yield "block_bytes", f"must be a multiple of {SECTOR_BYTES} up to {MAX_BLOCK_BYTES}"


def _measure_dirty_rate(question: MeasureDirtyRate) -> Iterator[Complaint]:
    yield from _uuid("uuid", question.uuid)
    if not 1 <= question.period_seconds <= MAX_PERIOD_SECONDS:
        yield "period_seconds", f"must be 1 to {MAX_PERIOD_SECONDS}"


def _read_definition(question: ReadDefinition) -> Iterator[Complaint]:
    if not 1 <= len(question.xml.encode()) <= _MAX_XML_BYTES:
        yield "xml", f"must have 1 to {_MAX_XML_BYTES} bytes"


def _uuid(path: str, value: str) -> Iterator[Complaint]:
    try:
        uuid.UUID(value)
    except ValueError:
        yield path, "must be a UUID"


def _seconds(path: str, value: float) -> Iterator[Complaint]:
    if not (math.isfinite(value) and 0 < value <= MAX_SECONDS):
        yield path, f"must be above 0 and at most {MAX_SECONDS:g}"


def _port(path: str, value: int) -> Iterator[Complaint]:
    if not 1 <= value <= 65535:
        yield path, "must be 1 to 65535"


def _name(path: str, value: str) -> Iterator[Complaint]:
    if not 1 <= len(value) <= _MAX_NAME_CHARACTERS or not _is_name(value):
        yield path, f"must be a name or address of at most {_MAX_NAME_CHARACTERS} characters"


def _is_name(value: str) -> bool:
    """Return whether it is a name, or an address: nothing that means more to a URL."""
    if parse_address(value) is not None:
        return value.isprintable()
    return all(each.isalnum() or each in "-._" for each in value)


def _path(path: str, value: str) -> Iterator[Complaint]:
    if not value.startswith("/"):
        yield path, "must be an absolute path"
    if "\0" in value or len(value.encode()) > _MAX_TEXT_BYTES:
        yield path, f"must have at most {_MAX_TEXT_BYTES} bytes, none of them zero"


def _text(path: str, value: str) -> Iterator[Complaint]:
    if any(ord(character) < 32 for character in value) or len(value.encode()) > _MAX_TEXT_BYTES:
        yield path, f"must have at most {_MAX_TEXT_BYTES} bytes, no control characters"


_CHECKS: Mapping[str, Callable[[Any], Iterator[Complaint]]] = {
    "resolve_name": _resolve_name,
    "open_listener": _open_listener,
    "connect_port": _connect_port,
    "open_disk": _open_disk,
    "access_path": _access_path,
    "hash_blocks": _hash_blocks,
    "measure_dirty_rate": _measure_dirty_rate,
    "read_definition": _read_definition,
}
