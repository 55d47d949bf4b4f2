"""Whether the copy of memory ends: what is known without measuring, and what a measurement says."""

import pytest

from tests.comparator.builders import MIB, answer, finding, migration
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import QUALITY_NATIVE, QUALITY_REDUCED
from vmfit.v1.probe_pb2 import DirtyRateAnswer
from vmfit.v1.vm_pb2 import VM_STATE_PAUSED
from vmfit_comparator.knowledge.convergence import is_in_doubt, left

LIMIT = "options.bandwidth_bytes_per_second"
SLOW = {LIMIT: 20 * MIB}
SPEED = "source.network.interfaces[2].speed_bits_per_second"
POST_COPY = {"options.post_copy": True, "options.post_copy_after_precopy": True}
SUSPENDED = {"options.timeout_seconds": 5}


def rate(mib, downtime=0.3, period=1):
    """Return the change that measures so many MiB/s."""
    measured = {"bytes_per_second": mib * MIB, "period_seconds": period}
    return {"probes.dirty_rate": {"answer": {**measured, "maximum_downtime_seconds": downtime}}}


def known(mib):
    """Return the change by which somebody else measured so many MiB/s."""
    return {"vm.dirty_rate_bytes_per_second": mib * MIB, "vm.dirty_rate_period_seconds": 1}


CONVERGENCE = [
    ("no limit, no rate", {}, "YES"),
    ("a slow limit", SLOW, "NO_IDEA"),
    ("a slow limit of the domain's", {"vm.migration_limit_bytes_per_second": MIB}, "NO_IDEA"),
    ("a fast limit", {LIMIT: 1000 * MIB}, "YES"),
    ("paused", {**SLOW, "vm.state": VM_STATE_PAUSED}, "YES"),
    ("not live", {**SLOW, "options.live": False}, "YES"),
    ("slowed down", {**SLOW, "options.auto_converge": True}, "PROBABLY_YES"),
    ("so little memory", {**SLOW, **rate(0), "vm.memory.maximum_bytes": 6 * MIB}, "YES"),
    ("nothing is seen", {**SLOW, **rate(0)}, "PROBABLY_YES"),
    ("nothing is seen, and much fits", {LIMIT: 60 * MIB, **rate(0)}, "YES"),
    ("nothing is seen, and too little fits to tell", {LIMIT: MIB, **rate(0)}, "NO_IDEA"),
    ("something", {**SLOW, **rate(4)}, "PROBABLY_YES"),
    ("too much only if all is written again", {**SLOW, **rate(10)}, "PROBABLY_YES"),
    ("too much if some is written again", {**SLOW, **rate(12)}, "PROBABLY_NO"),
    ("too much even if not", {**SLOW, **rate(26)}, "PROBABLY_NO"),
    ("too much by far", {**SLOW, **rate(200)}, "NO"),
    ("too much by far, no such downtime", {**SLOW, **rate(200, -3.0)}, "NO"),
    ("too much by far, no downtime at all", {**SLOW, **rate(200, "NaN")}, "NO"),
    ("too much by far, by somebody's measurement", {**SLOW, **known(200)}, "NO"),
    ("too much, but the guest may stand still", {**SLOW, **rate(200, 20)}, "PROBABLY_NO"),
    (
        "too much, but all fits",
        {**SLOW, **rate(30, 30), "vm.memory.maximum_bytes": 500 * MIB},
        "YES",
    ),
    (
        "too much, but the end is faster",
        {**SLOW, **rate(10), "options.switchover_bandwidth_bytes_per_second": 1000 * MIB},
        "PROBABLY_YES",
    ),
    ("too much, slowed down", {**SLOW, **rate(200), "options.auto_converge": True}, "PROBABLY_YES"),
    ("too much, compressed", {**SLOW, **rate(200), "options.compressed": True}, "PROBABLY_NO"),
    ("post-copy by hand", {**SLOW, **rate(200), "options.post_copy": True}, "PROBABLY_NO"),
    ("post-copy after a pass", {**SLOW, **rate(200), **POST_COPY}, "YES"),
    (
        "post-copy in time",
        {
            **SLOW,
            **rate(200),
            **SUSPENDED,
            "options.post_copy": True,
            "options.timeout_action": "postcopy",
        },
        "YES",
    ),
    ("suspended in time", {**SLOW, **rate(200), **SUSPENDED}, "YES"),
    ("too much for the link", {SPEED: 100_000_000, **rate(200)}, "PROBABLY_NO"),
    ("the link carries it", {SPEED: 10_000_000_000, **rate(20)}, "YES"),
    ("the link is slower than the limit", {**SLOW, SPEED: 10_000_000, **rate(200)}, "PROBABLY_NO"),
    ("measured over a long time", {**SLOW, **rate(2, period=60)}, "PROBABLY_NO"),
    ("memory unknown", {"vm.memory": None}, "NO_IDEA"),
]
TABLES = {"vm.convergence": CONVERGENCE}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


@pytest.mark.parametrize(
    ("changes", "quality"),
    [
        ({**SLOW, "options.live": False}, QUALITY_NATIVE),
        ({**SLOW, **SUSPENDED}, QUALITY_REDUCED),
        ({**SLOW, **POST_COPY}, QUALITY_NATIVE),
    ],
)
def test_quality(changes, quality):
    assert finding("vm.convergence", migration(changes)).quality == quality


def test_a_check_without_options_is_taken_for_live():
    case = migration({"vm.migration_limit_bytes_per_second": MIB, "options.live": None})
    assert is_in_doubt(case)


def test_why_nobody_measured_is_said():
    found = finding("vm.convergence", migration({**SLOW, "probes.dirty_rate": {"error": "a job"}}))
    assert "(a job)" in found.reason


@pytest.mark.parametrize(
    ("changes", "summaries"),
    [
        ({}, ["--auto-converge", "--timeout", "--bandwidth"]),
        (
            {"destination.kernel.limits.unprivileged_userfaultfd": True},
            ["--auto-converge", "--postcopy --postcopy-after-precopy", "--timeout", "--bandwidth"],
        ),
        (
            {LIMIT: None, "vm.migration_limit_bytes_per_second": MIB},
            ["--auto-converge", "--timeout", "Take away"],
        ),
    ],
)
def test_remedies(changes, summaries):
    limits = {"destination.kernel.limits.unprivileged_userfaultfd": False}
    found = finding("vm.convergence", migration({**SLOW, **rate(200), **limits, **changes}))
    assert len(found.remedies) == len(summaries)
    for remedy, word in zip(found.remedies, summaries, strict=True):
        assert word in remedy.summary


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({}, False),
        (SLOW, True),
        ({LIMIT: 1000 * MIB}, False),
        ({LIMIT: 1000 * MIB, "vm.memory.resident_bytes": 100_000 * MIB}, True),
        ({**SLOW, **POST_COPY}, False),
        ({**SLOW, **SUSPENDED}, False),
        ({**SLOW, "vm.state": VM_STATE_PAUSED}, False),
        ({**SLOW, "vm.domain_type": "xen"}, False),
        ({"vm.migration_limit_bytes_per_second": MIB}, True),
        ({SPEED: 1_000_000_000}, False),
        ({SPEED: 100_000_000}, True),
    ],
)
def test_what_is_worth_a_second(changes, doubt):
    assert is_in_doubt(migration(changes)) is doubt


@pytest.mark.parametrize(
    ("mib", "seen"),
    [
        # What QEMU 7.2 told of guests that wrote to so many MiB over and over.
        (8, (8, 4, 12, 6)),
        (20, (28, 26, 18)),
        (32, (22, 34, 26)),
        (200, (202, 188, 186)),
    ],
)
def test_bounds_hold_what_guests_wrote(mib, seen):
    for each in seen:
        answered = DirtyRateAnswer(bytes_per_second=each * MIB, period_seconds=1)
        found = left(answered, 0, 1.0)
        assert found.least_bytes < mib * MIB < found.most_bytes
