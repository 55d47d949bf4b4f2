"""How old a part was when its snapshot was taken."""

from google.protobuf.timestamp_pb2 import Timestamp

from vmfit.v1.snapshot_pb2 import PartStatus


def part_age_seconds(status: PartStatus, taken_at: Timestamp) -> float | None:
    """Return the age of a part when its snapshot was taken; None when nothing tells.

    By a clock that nobody sets, if the agent told. Else two times of the host's clock tell it: a
    part collected after its snapshot was taken shows by how much that clock was set back, and is
    as old as that at least.
    """
    if status.HasField("age"):
        return max(status.age.seconds + status.age.nanos / 1e9, 0.0)
    if not status.HasField("collected_at"):
        return None
    collected = status.collected_at
    between = taken_at.seconds - collected.seconds + (taken_at.nanos - collected.nanos) / 1e9
    return abs(between)
