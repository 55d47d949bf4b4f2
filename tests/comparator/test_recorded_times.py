"""Estimates beside real migrations: as near as docs/benchmarks.md says, on the half not fitted."""

import dataclasses

import pytest

from tests.comparator.recorded_times import recorded, worth
from tests.e2e.timed import load


@pytest.fixture(scope="module")
def tested():
    return worth(recorded(for_fitting=False))


def test_both_halves_have_something_to_say(tested):
    fitted = worth(recorded(for_fitting=True))
    assert min(fitted.migrations, tested.migrations) >= 50
    assert fitted.migrations + tested.migrations <= len(load())


def test_total(tested):
    assert tested.total_median <= 0.10
    assert tested.total_90th <= 0.30


def test_downtime(tested):
    assert tested.downtime_90th_seconds <= 0.30


def test_bytes(tested):
    assert tested.sent_median <= 0.10


def test_intervals_hold_what_they_promise(tested):
    assert tested.total_within >= 0.90
    assert tested.downtime_within >= 0.90


def test_whether_it_ends_in_its_time(tested):
    assert tested.timeouts_right >= 0.95


def test_another_outcome_would_be_noticed(tested):
    slower = [
        dataclasses.replace(
            each, measured={**each.measured, "total_seconds": each.measured["total_seconds"] * 2}
        )
        for each in recorded(for_fitting=False)
    ]
    assert worth(slower).total_median > 0.30
