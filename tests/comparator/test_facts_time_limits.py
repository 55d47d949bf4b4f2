"""How long a migration takes and its guest stands still, beside what the policy allows."""

import pytest

from tests.comparator.builders import MIB, answer, finding, migration
from tests.comparator.tables import case_of, cases
from tests.comparator.test_facts_convergence import LIMIT, POST_COPY, SPEED, known, rate
from vmfit.v1.finding_pb2 import QUALITY_NATIVE, QUALITY_REDUCED
from vmfit.v1.migration_pb2 import STORAGE_COPY_ALL
from vmfit.v1.vm_pb2 import VM_STATE_PAUSED
from vmfit_comparator.knowledge.convergence import is_in_doubt

TOTAL = "policy.maximum_total_seconds"
DOWNTIME = "policy.maximum_downtime_seconds"
LINK = {SPEED: 10_000_000_000}
# 1.5 GiB of the guest's memory are there: some 77 s at 20 MiB/s.
SLOW = {**LINK, LIMIT: 20 * MIB}
COPIED = {"options.storage_copy": STORAGE_COPY_ALL, "vm.disks[0].source.allocation_bytes": 8 << 30}
POSSIBLE = {"destination.kernel.limits.unprivileged_userfaultfd": True}
AT_5_S = {"options.timeout_seconds": 5}


def total(seconds, *changes):
    """Return the changes of a case under a limit of the total."""
    return {TOTAL: seconds, **{path: value for each in changes for path, value in each.items()}}


def downtime(seconds, *changes):
    """Return the changes of a case under a limit of the downtime."""
    return {DOWNTIME: seconds, **{path: value for each in changes for path, value in each.items()}}


TOTALS = [
    ("no limit", {}, "YES"),
    ("an idle guest, time enough", total(3600, LINK, rate(0)), "YES"),
    ("somebody else measured it", total(3600, LINK, known(1)), "YES"),
    ("nobody measured it", total(3600, LINK), "NO_IDEA"),
    ("nobody measured it, but it is paused", total(60, LINK, {"vm.state": VM_STATE_PAUSED}), "YES"),
    ("the link is not known", total(3600, rate(0)), "NO_IDEA"),
    ("as expected it fits", total(80, SLOW, rate(0)), "PROBABLY_YES"),
    ("as expected it does not fit", total(60, SLOW, rate(0)), "PROBABLY_NO"),
    ("at its best it does not fit", total(30, SLOW, rate(0)), "PROBABLY_NO"),
    ("at its best it takes twice as long", total(10, SLOW, rate(0)), "PROBABLY_NO"),
    (
        "without resident memory",
        total(60, SLOW, rate(0), {"vm.memory.resident_bytes": None}),
        "PROBABLY_NO",
    ),
    (
        "a limit of the domain's",
        total(10, LINK, rate(0), {"vm.migration_limit_bytes_per_second": 20 * MIB}),
        "PROBABLY_NO",
    ),
    ("it never ends", total(3600, SLOW, rate(200)), "NO"),
    ("it may never end", total(3600, SLOW, rate(24)), "PROBABLY_NO"),
    ("post-copy ends it", total(3600, SLOW, rate(200), POST_COPY), "YES"),
    ("post-copy ends what nobody measured", total(3600, SLOW, POST_COPY), "YES"),
    ("suspended, it ends", total(3600, SLOW, rate(200), AT_5_S), "YES"),
    (
        "slowed down, it ends",
        total(600, SLOW, rate(20), {"options.auto_converge": True}),
        "PROBABLY_YES",
    ),
    ("a disk goes along", total(60, LINK, rate(0), COPIED), "PROBABLY_YES"),
    (
        "a disk goes along, of no known size",
        total(
            60,
            LINK,
            rate(0),
            COPIED,
            {
                "vm.disks[0].source.allocation_bytes": None,
                "vm.disks[0].source.virtual_size_bytes": None,
            },
        ),
        "NO_IDEA",
    ),
    ("memory unknown", total(60, {"vm.memory": None}), "NO_IDEA"),
]
DOWNTIMES = [
    ("no limit", {}, "YES"),
    ("an idle guest", downtime(3, LINK, rate(0)), "YES"),
    ("as expected it fits", downtime(0.3, LINK, rate(0)), "PROBABLY_YES"),
    ("as expected it does not fit", downtime(0.03, LINK, rate(0)), "PROBABLY_NO"),
    ("suspended long before the end", downtime(5, SLOW, rate(200), AT_5_S), "PROBABLY_NO"),
    ("it stands still all the time", downtime(60, SLOW, {"options.live": False}), "PROBABLY_NO"),
    ("post-copy", downtime(1, SLOW, rate(200), POST_COPY), "YES"),
    ("nobody measured it", downtime(1, LINK), "NO_IDEA"),
    ("it never ends", downtime(60, SLOW, rate(200)), "NO"),
    ("memory unknown", downtime(60, {"vm.memory": None}), "NO_IDEA"),
]
TABLES = {"vm.total_time": TOTALS, "vm.downtime": DOWNTIMES}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


@pytest.mark.parametrize(
    ("changes", "quality"),
    [
        (rate(0), QUALITY_NATIVE),
        ({**SLOW, **rate(200), **AT_5_S}, QUALITY_REDUCED),
        ({**SLOW, **rate(20), "options.auto_converge": True}, QUALITY_REDUCED),
    ],
)
def test_a_guest_that_is_slowed_or_suspended_is_no_plain_yes(changes, quality):
    found = finding("vm.total_time", migration(total(3600, LINK, changes)))
    assert found.quality == quality, found.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (total(30, SLOW, rate(0)), ["--bandwidth"]),
        (total(120, SLOW, rate(200), POSSIBLE), ["--bandwidth", "--postcopy"]),
        (downtime(1, SLOW, rate(0), {"options.timeout_seconds": 20}), ["--bandwidth", "--timeout"]),
        (
            downtime(1, LINK, rate(0), {"options.persistent": True, "options.live": False}),
            ["--live"],
        ),
    ],
)
def test_options_that_would_meet_the_limit_are_offered(changes, words):
    fact = "vm.total_time" if TOTAL in changes else "vm.downtime"
    found = finding(fact, migration(changes))
    assert len(found.remedies) == len(words), found.remedies
    for remedy, word in zip(found.remedies, words, strict=True):
        assert word in remedy.summary


def test_a_limit_of_time_is_worth_a_measurement():
    assert is_in_doubt(migration(total(60, LINK)))
    assert is_in_doubt(migration(downtime(60, LINK)))
    assert not is_in_doubt(migration({**downtime(60, LINK), "options.offline": True}))
