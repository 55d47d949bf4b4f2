"""What requests of HostPreparation may hold; each complaint names its field."""

import re
from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration

from vmfit.v1.preparation_pb2 import Reservation
from vmfit_agent.ledger.capacity import place_of
from vmfit_contract.call_failed import CallFailed, Status

MAX_RESERVATIONS = 64
MAX_BYTES = 1 << 60
"""No host has more memory: sums of these fit everywhere."""
LONGEST_SECONDS = 86_400
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def vm_uuid_of(text: str) -> str:
    """Return a VM's UUID in small letters; raises CallFailed."""
    if _UUID.fullmatch(text) is None:
        raise _invalid("vm_uuid", f"{text[:50]!r} is no UUID, which has 36 characters")
    return text.lower()


def duration_of(duration: Duration) -> int:
    """Return the nanoseconds of a lease; raises CallFailed."""
    if not 1 <= duration.seconds <= LONGEST_SECONDS or not 0 <= duration.nanos < 10**9:
        told = f"{duration.seconds} seconds: must be from 1 to {LONGEST_SECONDS}"
        raise _invalid("duration", told)
    return duration.ToNanoseconds()


def reservations_of(reservations: Sequence[Reservation]) -> tuple[Reservation, ...]:
    """Return reservations in an order of their own; raises CallFailed."""
    if not 1 <= len(reservations) <= MAX_RESERVATIONS:
        told = f"{len(reservations)} of them: there must be from 1 to {MAX_RESERVATIONS}"
        raise _invalid("reservations", told)
    for index, each in enumerate(reservations):
        if problem := _problem(each):
            raise _invalid(f"reservations[{index}].{problem[0]}", problem[1])
    by_place = {place_of(each): each for each in reservations}
    if len(by_place) != len(reservations):
        raise _invalid("reservations", "two are of the same NUMA node and page size")
    order = sorted(by_place, key=lambda place: (_rank(place[0]), _rank(place[1])))
    return tuple(by_place[place] for place in order)


def _problem(reservation: Reservation) -> tuple[str, str] | None:
    size, page = reservation.size_bytes, reservation.huge_page_bytes
    if not 0 < size <= MAX_BYTES:
        return "size_bytes", f"{size}: must be from 1 to {MAX_BYTES}"
    if reservation.used_bytes:
        return "used_bytes", "must not be set"
    if reservation.HasField("huge_page_bytes") and (not page or size % page):
        return "size_bytes", f"{size} is no multiple of huge pages of {page} bytes"
    return None


def _rank(number: int | None) -> int:
    return -1 if number is None else number


def _invalid(field: str, why: str) -> CallFailed:
    return CallFailed(Status.INVALID_ARGUMENT, f"{field}: {why}", field)
