"""What a new guest can get of a host's memory."""

import pytest

from vmfit.v1.host_pb2 import CgroupMemory, Memory
from vmfit_comparator.knowledge.guest_memory import available_bytes


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (None, 1000),
        (CgroupMemory(path="/guests", usage_bytes=900), 1000),
        (CgroupMemory(path="/guests", limit_bytes=600, usage_bytes=400), 200),
        # Page cache goes when the limit is met.
        (
            CgroupMemory(path="/guests", limit_bytes=600, usage_bytes=400, reclaimable_bytes=300),
            500,
        ),
        (CgroupMemory(path="/guests", limit_bytes=600, usage_bytes=700), 0),
        (CgroupMemory(path="/guests", limit_bytes=6000, usage_bytes=0), 1000),
    ],
)
def test_the_control_group_bounds_what_is_available(group, expected):
    assert available_bytes(Memory(available_bytes=1000, guest_cgroup=group)) == expected
