"""Who gets a place when not all can: shares of callers and of their requests, and who left."""

import threading
import time
from dataclasses import dataclass, field

import pytest

from vmfit.v1.probe_pb2 import NameAnswer, Probe
from vmfit_agent.host import Host
from vmfit_agent.probes.caller_rates import CALLERS_REMEMBERED, CALLERS_TOGETHER, CallerRates
from vmfit_agent.probes.places import Places
from vmfit_agent.probes.prober import Prober
from vmfit_agent.probes.questions import QUESTIONS, Question
from vmfit_agent.shares import Shares
from vmfit_contract.access import EVERY_ROLE, Caller


@dataclass
class Entrant:
    """One that waits for a place and keeps it until it is told otherwise."""

    caller: str
    request: int = 0
    wanted: bool = True
    begins: bool = True
    started: list = field(default_factory=list)

    def is_wanted(self):
        return self.wanted

    def start(self):
        self.started.append(1)
        return self.begins


def enter(places, caller, request, count):
    found = [Entrant(caller, request) for _ in range(count)]
    for each in found:
        places.enter(each)
    return found


def started(entrants):
    return [each for each in entrants if each.started]


def test_a_lone_caller_gets_half_of_the_shared_places():
    places = Places(12, 4)
    assert len(started(enter(places, "a", 1, 64))) == 6
    assert len(started(enter(places, "b", 2, 64))) == 3


@pytest.mark.parametrize("caller", ["dns:{}", "plain text"])
def test_each_request_has_a_place_however_slow_the_others_are(caller):
    places = Places(12, 24)
    holders = [started(enter(places, caller.format(n), n, 64)) for n in range(12)]
    assert all(holders)
    assert sum(map(len, holders)) <= 12 + 12


def test_what_hangs_of_one_caller_is_bounded_whatever_its_requests_are():
    places = Places(12, 24)
    hanging = [each for n in range(500) for each in started(enter(places, "a", n, 1))]
    assert len(hanging) == 18
    assert started(enter(places, "b", 1000, 1))


def test_who_holds_least_comes_first_and_in_order():
    places = Places(4, 1)
    busy = enter(places, "busy", 1, 8)
    later = enter(places, "late", 2, 3)
    assert (len(started(busy)), len(started(later))) == (2, 1)
    places.give_back(later[0])
    places.give_back(busy[0])
    places.give_back(busy[1])
    assert [bool(each.started) for each in later] == [True, True, True]
    assert (len(started(busy)), bool(busy[2].started)) == (3, True)


def test_what_nobody_wants_any_more_never_starts():
    places = Places(1, 1)
    (holder,) = enter(places, "a", 1, 1)
    waiting = enter(places, "a", 2, 3)
    assert not started(waiting)
    waiting[0].wanted = False
    places.give_back(holder)
    assert [bool(each.started) for each in waiting] == [False, True, False]
    places.forget(2)
    places.give_back(waiting[1])
    assert not waiting[2].started


def test_one_that_cannot_begin_holds_no_place():
    places = Places(1, 1)
    for _ in range(5000):  # Without an end of the stack either.
        places.enter(Entrant("a", begins=False))
    assert started(enter(places, "a", 1, 1))


def test_shares():
    shares = Shares(8)
    assert [shares.take("a") for _ in range(5)] == [True] * 4 + [False]
    assert [shares.take("b") for _ in range(3)] == [True, True, False]
    assert shares.take("c")
    shares.give_back("a")
    assert shares.take("c")


def test_the_callers_remembered_are_bounded_and_all_are_bounded_together():
    rates = CallerRates(10)
    for number in range(CALLERS_REMEMBERED * 3):
        rates.take(f"dns:{number}", 0)
    assert len(rates._callers) == CALLERS_REMEMBERED
    # Names that come and go gain nothing: what all may ask together does not grow.
    granted = sum(rates.take(f"uri:{n}", 10) == 0 for n in range(100))
    assert granted == CALLERS_TOGETHER


def name(text, seconds):
    return Probe(resolve_name={"name": text}, timeout_seconds=seconds)


@pytest.mark.parametrize("callers", ["apart", "together"])
def test_slow_questions_of_six_clients_do_not_starve_a_seventh(callers):
    """Each client keeps 16 slow questions under way; a quick one comes in between, eight times."""
    release, stop = threading.Event(), threading.Event()

    def answer(question, terms):
        if question.name == "slow":
            release.wait(terms.seconds)
        return NameAnswer(reason=question.name)

    most = QUESTIONS["resolve_name"].places
    asked = Prober(Host(), questions={"resolve_name": Question(answer, "name", most)})
    names = [f"dns:{n}" if callers == "apart" else "plain text" for n in range(7)]

    def keep_asking(caller):
        while not stop.is_set():
            asked.answer([name("slow", 5)] * 16, 6, Caller(caller, EVERY_ROLE))

    clients = [threading.Thread(target=keep_asking, args=(each,)) for each in names[:6]]
    for each in clients:
        each.start()
    time.sleep(0.3)
    good = Caller(names[6], EVERY_ROLE)
    answers = [asked.answer([name("quick", 1)], 2, good)[0] for _ in range(8)]
    lost = [each.error for each in answers if each.error]
    print(f"{len(answers)} tries, {len(lost)} losses")  # noqa: T201
    stop.set()
    release.set()
    for each in clients:
        each.join(20)
    assert not lost


def test_what_waits_ends_with_its_caller():
    gone, release, ran = threading.Event(), threading.Event(), []

    def answer(question, terms):
        ran.append(question.name)
        release.wait(20)
        return NameAnswer()

    asked = Prober(Host(), questions={"resolve_name": Question(answer, "name", 1)})
    caller = Caller("dns:a", EVERY_ROLE, is_gone=gone.is_set)
    began = time.monotonic()
    threading.Timer(0.3, gone.set).start()
    asked.answer([name(str(n), 10) for n in range(8)], 10, caller)
    assert time.monotonic() - began < 2
    release.set()
    time.sleep(0.3)
    assert ran == ["0"]
