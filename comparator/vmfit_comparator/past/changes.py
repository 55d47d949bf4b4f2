"""What changed on a host, and when."""

from collections.abc import Collection, Sequence

from vmfit.v1.comparator_service_pb2 import GetHostHistoryResponse, HostChange
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.differences.diff import diff, is_difference
from vmfit_comparator.past.moments import staying_of
from vmfit_comparator.store.past_store import PastStore
from vmfit_comparator.store.records import Run

MAX_CHANGES = 1000


def changes(
    store: PastStore,
    host: str,
    runs: Sequence[Run],
    *,
    parts: Collection[str] = (),
    limit: int = MAX_CHANGES,
) -> GetHostHistoryResponse:
    """Return what became of a host from each of its states to the next, the earliest first.

    `runs` are as the store gives them. With `parts` what changed in others is left out. Raises
    StoreError.
    """
    response = GetHostHistoryResponse(host=host)
    if not runs:
        return response
    response.known_since.FromNanoseconds(_ns(runs[0].since_seconds))
    response.seen_until.FromNanoseconds(_ns(runs[-1].until_seconds))
    found: list[HostChange] = []
    later: Snapshot | None = None
    for place in range(len(runs) - 1, 0, -1):
        before, after = runs[place - 1], runs[place]
        later = later or staying_of(store.parts(after.state))
        earlier = staying_of(store.parts(before.state))
        change = _change(earlier, later, parts)
        later = earlier
        if not change.differences:
            continue
        if len(found) == limit:
            response.has_earlier = True
            break
        change.at.FromNanoseconds(_ns(after.since_seconds))
        change.seen_before.FromNanoseconds(_ns(before.until_seconds))
        found.append(change)
    response.changes.extend(reversed(found))
    return response


def _change(before: Snapshot, after: Snapshot, parts: Collection[str]) -> HostChange:
    # What is left of parts that change at any moment is what stays in them.
    found = diff(before, after, include_volatile=True, parts=parts)
    return HostChange(differences=filter(is_difference, found.differences))


def _ns(seconds: float) -> int:
    return round(seconds * 1e6) * 1000
