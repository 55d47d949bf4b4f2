"""Requests are looked over before anything is done: times, numbers, lengths of texts."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.engine_error import invalid
from vmfit_contract.unfolding import MAX_ELEMENTS, TooLargeError, check_unfolded
from vmfit_contract.validation import first_complaint

MAX_VM_ELEMENTS = 4096
"""How many disks, NICs or others of one kind a VM may have: evaluation looks at each."""
MAX_XML_BYTES = 1024 * 1024

# The last moment that an answer may be about: its own times lie a little later.
_LAST_SECOND = 250_000_000_000
_MAX_IDENTIFIER_CHARACTERS = 256
_MAX_TEXT_CHARACTERS = 4096
_IDENTIFIERS = ("name", "name_or_uuid", "address", "domain_type", "architecture", "check_id")
_XML = ("xml", "destination_xml", "persistent_xml")
# So small that there is no need to count.
_FEW_BYTES = 16 * 1024


def check_request(request: Message) -> None:
    """Raise EngineError, INVALID_ARGUMENT with the field, for values that mean nothing.

    What a snapshot or a VM holds is bounded by itself, and a policy is checked with its own.
    """
    complaint = first_complaint(request)
    if complaint is not None:
        raise invalid(*complaint)
    for field, name, text in _texts(request, ""):
        if name in _XML:
            if len(text.encode()) > MAX_XML_BYTES:
                raise invalid(field, f"larger than {MAX_XML_BYTES} bytes")
            continue
        most = _MAX_IDENTIFIER_CHARACTERS if name in _IDENTIFIERS else _MAX_TEXT_CHARACTERS
        if len(text) > most:
            raise invalid(field, f"longer than {most} characters")


def check_moment(time: Any, field: str) -> None:  # noqa: ANN401 -- a Timestamp
    """Raise EngineError for a time so late that nothing can be said to be valid after it."""
    if time.seconds > _LAST_SECOND:
        raise invalid(field, "no time at which anything can be evaluated")


def check_vm(vm: Vm, field: str) -> None:
    """Raise EngineError for a VM that has more of something than can be looked at."""
    _check_count(vm, field, MAX_VM_ELEMENTS)


def check_probes(probes: ProbeAnswers, field: str) -> None:
    """Raise EngineError for answers about more than can be asked about."""
    _check_count(probes, field, MAX_VM_ELEMENTS)


def check_snapshot(snapshot: Snapshot, field: str) -> None:
    """Raise EngineError for a snapshot that has more of something than a host has."""
    _check_count(snapshot, field, MAX_ELEMENTS)


def _check_count(message: Message, field: str, most: int) -> None:
    if message.ByteSize() <= _FEW_BYTES:
        return
    try:
        check_unfolded(message.SerializeToString(), type(message), max_elements=most)
    except TooLargeError as error:
        raise invalid(f"{field}.{error.field}", error.reason) from None


def _texts(message: Message, where: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, name and value of the texts that are the request's own."""
    for field, value in message.ListFields():
        path = f"{where}{field.name}"
        if field.message_type is None:
            if field.type == field.TYPE_STRING:
                if field.is_repeated:
                    yield from ((f"{path}[{n}]", field.name, each) for n, each in enumerate(value))
                else:
                    yield path, field.name, value
        elif field.message_type.GetOptions().map_entry:
            yield from ((path, "name", key) for key in value)
        elif field.message_type.full_name not in _CHECKED_ELSEWHERE:
            if field.is_repeated:
                for index, each in enumerate(value):
                    yield from _texts(each, f"{path}[{index}].")
            else:
                yield from _texts(value, f"{path}.")


_CHECKED_ELSEWHERE = tuple(each.DESCRIPTOR.full_name for each in (Snapshot, Vm, Policy))
