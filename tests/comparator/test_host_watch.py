"""Which hosts answer: what the log says when one goes and comes, and what is counted."""

import logging

import grpc
import pytest

from vmfit_comparator.hosts.host_watch import CallEnd, HostWatch
from vmfit_contract.address import Address

ALPHA = Address("alpha.example", 16530)
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def watch(caplog):
    caplog.set_level(logging.INFO)
    return HostWatch(lambda address: address.host.partition(".")[0])


def end(code=grpc.StatusCode.OK, reason="", given=10.0):
    return CallEnd("GetSnapshot", code, reason, given, 0.1)


def answers(watch):
    return {host: state.answers for host, state in watch.states().items()}


def test_one_line_when_a_host_goes_and_one_when_it_comes(watch, caplog):
    for _ in range(3):
        watch.note(ALPHA, end())
    assert caplog.messages == []
    for _ in range(100):
        watch.note(ALPHA, end(UNAVAILABLE, "connection refused"))
    assert answers(watch) == {"alpha": False}
    for _ in range(100):
        watch.note(ALPHA, end())
    assert answers(watch) == {"alpha": True}
    assert caplog.messages == [
        "host alpha does not answer: connection refused",
        "host alpha answers again, after 0 s",
    ]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert [record.fields for record in caplog.records] == [{"HOST": "alpha"}] * 2


def test_a_host_that_comes_and_goes_all_the_time_fills_no_log(watch, caplog):
    for _ in range(1000):
        watch.note(ALPHA, end(UNAVAILABLE, "connection refused"))
        watch.note(ALPHA, end())
    assert len(caplog.messages) <= 10


@pytest.mark.parametrize(
    "unclear",
    [
        end(grpc.StatusCode.DEADLINE_EXCEEDED, "did not answer in time", given=1.0),
        end(grpc.StatusCode.CANCELLED, "the connection was closed"),
    ],
)
def test_what_the_caller_decides_says_nothing_of_the_host(watch, unclear):
    watch.note(ALPHA, unclear)
    assert answers(watch) == {}
    watch.note(ALPHA, end())
    watch.note(ALPHA, unclear)
    assert answers(watch) == {"alpha": True}


def test_a_refusal_is_an_answer(watch):
    watch.note(ALPHA, end(grpc.StatusCode.NOT_FOUND, "no domain 'web'"))
    assert answers(watch) == {"alpha": True}
    watch.note(ALPHA, end(grpc.StatusCode.DEADLINE_EXCEEDED, "did not answer in time"))
    assert answers(watch) == {"alpha": False}
