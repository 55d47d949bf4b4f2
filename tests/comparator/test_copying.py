"""QEMU's rounds, played: each by hand."""

import itertools

import pytest

from tests.comparator.builders import GIB, MIB, migration
from tests.comparator.test_facts_convergence import LIMIT, POST_COPY, SPEED, rate
from vmfit_comparator.knowledge.copying.estimate import estimate
from vmfit_comparator.knowledge.copying.limits import seconds_text
from vmfit_comparator.knowledge.copying.rounds import Manner, Speeds, Writing, copied
from vmfit_comparator.render.estimates import estimate_text

SPEEDS = Speeds(limited_bytes=100.0, unlimited_bytes=1000.0, scanned_bytes=10_000.0)
IDLE = Writing(0, 1, 1, 1, 0)


def over_and_over(amount):
    """Return what writes to so much all the time."""
    return Writing(amount, 1, 0, 0, 1e9)


def play(writing=IDLE, speeds=SPEEDS, **manner):
    return copied(1000, 2000, writing, speeds, Manner(downtime_seconds=0.5, **manner))


def test_an_idle_guest_is_copied_once():
    end = play()
    assert (end.seconds, end.still_seconds, end.sent_bytes, end.ends) == (10, 0, 1000, True)


def test_what_fits_at_the_end_is_sent_without_the_limit():
    end = play(over_and_over(50))
    assert (end.seconds, end.still_seconds, end.sent_bytes) == (10.05, 0.05, 1050)


def test_what_does_not_fit_is_sent_for_ever():
    assert not play(over_and_over(51)).ends


def test_pages_of_zeros_take_their_time_where_nothing_limits():
    fast = Speeds(1000.0, 1000.0, 400.0)
    assert play(speeds=fast).seconds == 2000 / 400 + 1


def test_post_copy_ends_after_one_round():
    end = play(over_and_over(500), post_copy=True)
    assert (end.seconds, end.still_seconds, end.sent_bytes) == (10.5, 0, 1500)


def test_a_timeout_suspends_in_the_middle_of_a_round():
    end = play(timeout_seconds=4)
    assert (end.seconds, end.still_seconds, end.by_timeout) == (10, 6, True)


def test_a_timeout_that_comes_after_the_end_does_nothing():
    assert not play(timeout_seconds=11).by_timeout


def test_a_timeout_ends_what_never_ends():
    end = play(over_and_over(200), timeout_seconds=100)
    assert end.ends
    assert end.by_timeout
    assert end.seconds == pytest.approx(102)


def test_a_timeout_may_start_post_copy():
    end = play(over_and_over(200), timeout_seconds=100, timeout_post_copy=True)
    assert (end.seconds, end.still_seconds) == (pytest.approx(100.2), 0)


def test_auto_converge_slows_down_in_steps_until_it_fits():
    writes = Writing(200, 1, 1, 1, 1e9)
    assert not play(writes).ends
    end = play(writes, slow_first_percent=20)
    assert end.ends
    assert 50 <= end.slowed_percent <= 99


def test_auto_converge_does_not_help_what_writes_too_much_at_its_slowest():
    assert not play(over_and_over(200), slow_first_percent=20).ends


def test_xbzrle_sends_less_of_pages_sent_again():
    speeds = Speeds(100.0, 1000.0, 10_000.0, rewritten_share=0.1)
    end = play(over_and_over(400), speeds=speeds)
    assert end.ends
    assert end.sent_bytes == 1040


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("amount", [0, 3, 40, 500, 1e4])
def test_more_bandwidth_never_takes_longer(amount, power):
    writes = Writing(amount, 1, power, power, 1e4)
    ends = [play(writes, speeds=Speeds(limit, 1e6, 1e6)) for limit in (1, 10, 100, 1000, 10_000)]
    for slow, fast in itertools.pairwise(ends):
        if slow.ends:
            assert fast.ends
            assert fast.seconds <= slow.seconds


def changed(**more):
    return {SPEED: 10_000_000_000, **rate(4), **more}


def test_estimate_lies_between_its_bounds():
    told = estimate(migration({**changed(), LIMIT: 100 * MIB}))
    assert told is not None
    for span in (told.total_seconds, told.downtime_seconds, told.sent_bytes):
        assert 0 <= span.low <= span.expected <= span.high
    # 1.5 GiB at 100 MiB/s, and what libvirt does around them.
    assert 14 < told.total_seconds.expected < 19
    assert 1.4 * GIB < told.sent_bytes.expected < 1.7 * GIB


def test_what_is_not_known_is_named():
    told = estimate(migration({SPEED: 10_000_000_000}))
    assert told is not None
    assert list(told.missing) == ["probes.dirty_rate"]
    assert not told.total_seconds.HasField("expected")
    assert "or more" in estimate_text(told)


def test_nothing_is_estimated_of_an_offline_migration():
    assert estimate(migration({"options.offline": True})) is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({LIMIT: 20 * MIB, "options.timeout_seconds": 600}, "--timeout does not act"),
        ({LIMIT: 20 * MIB, "options.timeout_seconds": 20}, "--timeout acts"),
        ({LIMIT: 20 * MIB, **rate(20), "options.auto_converge": True}, "slowed down by"),
        ({LIMIT: 20 * MIB, "policy.maximum_total_seconds": 20}, "without --bandwidth"),
        ({LIMIT: 20 * MIB, **POST_COPY}, "stands still for 0.05 s"),
    ],
)
def test_line_for_people(changes, text):
    told = estimate(migration(changed(**changes)))
    assert told is not None
    assert text in estimate_text(told)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.1234, "0.12 s"), (3.14, "3.1 s"), (47.3, "47 s"), (200, "3 min"), (4400, "1 h 13 min")],
)
def test_seconds(seconds, text):
    assert seconds_text(seconds) == text
