"""Questions side by side, each within its time; what they ask is the tests' own business."""

import threading
import time

import pytest

from vmfit.v1.probe_pb2 import NameAnswer, Probe
from vmfit_agent.host import Host
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_agent.probes.prober import MAX_REQUESTS, Prober
from vmfit_agent.probes.questions import Question
from vmfit_agent.probes.token_bucket import TokenBucket
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.sources import ProbesExhausted
from vmfit_contract.access import EVERY_ROLE, LOCAL, Caller


def name(text="a", seconds=None):
    return Probe(resolve_name={"name": text}, timeout_seconds=seconds)


def prober(answer, places=48, per_minute=600):
    """Return a prober that resolves names by a function of the test's."""
    questions = {"resolve_name": Question(answer, "name", places)}
    return Prober(Host(), ProbeSettings(per_minute=per_minute), questions=questions)


def echo(question, terms):
    return NameAnswer(reason=question.name)


def test_questions_are_answered_side_by_side_and_in_order():
    everybody = threading.Barrier(16)

    def answer(question, terms):
        everybody.wait(10)
        return NameAnswer(reason=question.name)

    names = [str(number) for number in range(16)]
    results = prober(answer).answer([name(each, 10) for each in names], 60, LOCAL)
    assert [result.name.reason for result in results] == names


def test_one_that_hangs_costs_its_own_answer():
    release = threading.Event()

    def answer(question, terms):
        if question.name == "hang":
            release.wait(20)
        return NameAnswer(reason=question.name)

    asked = prober(answer, 6)
    began = time.monotonic()
    results = asked.answer([name("hang", 0.2), name("a", 5)], 60, LOCAL)
    assert time.monotonic() - began < 2
    assert results[0].error == "no answer within 0.2 s"
    assert results[1].name.reason == "a"
    # Those that hang keep their places, and so their caller's share is used up at last.
    for _ in range(20):
        asked.answer([name("hang", 0.05)], 60, LOCAL)
    [result] = asked.answer([name("b", 0.2)], 60, LOCAL)
    assert result.error == "others had all places for such questions for 0.2 s"
    # Another caller's is not.
    [result] = asked.answer([name("b", 5)], 60, Caller("dns:b", EVERY_ROLE))
    assert result.name.reason == "b"
    release.set()
    [result] = asked.answer([name("c", 5)], 60, LOCAL)
    assert result.name.reason == "c"


def test_the_callers_time_bounds_every_question():
    release = threading.Event()
    began = time.monotonic()
    [result] = prober(lambda *_: release.wait(20)).answer([name("a", 10)], 0.2, LOCAL)
    assert time.monotonic() - began < 2
    assert result.error
    release.set()


def test_a_question_learns_its_time():
    told = []

    def answer(question, terms):
        told.append(terms.seconds)
        return NameAnswer()

    prober(answer).answer([name("a", 5)], 60, LOCAL)
    prober(answer).answer([name("a")], 60, LOCAL)
    assert 4 < told[0] < 5
    assert 1.5 < told[1] < 2


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (Unanswerable("because"), "because"),
        (TimeoutError("no answer within 1 s"), "no answer within 1 s"),
        (OSError(13, "Permission denied"), "Permission denied"),
        (ValueError("x"), "internal error: ValueError: x"),
    ],
)
def test_errors_are_results(raised, error):
    def answer(question, terms):
        raise raised

    [result] = prober(answer).answer([name()], 60, LOCAL)
    assert result.error == error
    assert result.WhichOneof("answer") is None


def test_requests_are_bounded_and_so_is_each_callers_part_of_them():
    release, entered = threading.Event(), threading.Semaphore(0)

    def answer(question, terms):
        if question.name == "wait":
            entered.release()
            release.wait(20)
        return NameAnswer()

    asked = prober(answer)
    others = [
        threading.Thread(target=lambda: asked.answer([name("wait", 15)], 60, LOCAL))
        for _ in range(MAX_REQUESTS // 2)
    ]
    for each in others:
        each.start()
    for _ in others:
        assert entered.acquire(timeout=10)
    with pytest.raises(ProbesExhausted, match="under way"):
        asked.answer([name()], 60, LOCAL)
    assert len(asked.answer([name()], 60, Caller("dns:b", EVERY_ROLE))) == 1
    release.set()
    for each in others:
        each.join(10)
    assert len(asked.answer([name()], 60, LOCAL)) == 1


def test_the_rate_is_bounded():
    asked = prober(echo, per_minute=10)
    asked.answer([name()] * 6, 60, LOCAL)
    with pytest.raises(ProbesExhausted, match=r"10 probes a minute .* in \d+ s"):
        asked.answer([name()] * 6, 60, LOCAL)
    asked.answer([name()] * 4, 60, LOCAL)


def test_the_rate_of_one_caller_is_not_anothers():
    asked = prober(echo, per_minute=10)
    for caller in ("dns:a", "dns:b", "uri:c"):
        asked.answer([name()] * 10, 60, Caller(caller, EVERY_ROLE))
    with pytest.raises(ProbesExhausted):
        asked.answer([name()], 60, Caller("dns:a", EVERY_ROLE))


def test_tokens():
    now = [0.0]
    bucket = TokenBucket(60, lambda: now[0])
    assert bucket.take(60) == 0
    assert bucket.take(2) == 2
    now[0] = 1.5
    assert bucket.take(2) == pytest.approx(0.5)
    assert bucket.take(1) == 0
    now[0] = 1000.0
    assert bucket.take(61) == pytest.approx(1)
    assert bucket.take(60) == 0
    assert bucket.take(0) == 0
