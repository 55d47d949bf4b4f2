"""Who asks about silent hosts holds up nobody else, and work ends when nobody waits for it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack

import grpc
import pytest

from tests.comparator import raw_agents
from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from tests.comparator.raw_agents import raw_agent
from vmfit.v1.comparator_service_pb2 import CheckRequest, RankRequest
from vmfit_comparator import Engine, EngineError
from vmfit_comparator.hosts.fair_threads import FairThreads
from vmfit_comparator.hosts.turns import Turns
from vmfit_contract.access import EVERY_ROLE, Caller

_HANGING = 200


def _caller(name, gone=None):
    return Caller(name, EVERY_ROLE, name, gone.is_set if gone else bool)


@pytest.fixture
def threads():
    threads = FairThreads(at_most=24, at_work=4)
    yield threads
    threads.close()


def test_results_and_errors_come_back(threads, monkeypatch):
    # On a busy machine who works may seem to wait.
    monkeypatch.setattr("vmfit_comparator.hosts.fair_threads._PATIENCE_SECONDS", 60)
    with Turns(threads, _caller("a")) as turns:
        assert list(turns.results(lambda each: each * each, range(1000))) == [
            each * each for each in range(1000)
        ]
        with pytest.raises(ZeroDivisionError):
            turns.result(turns.begin(lambda: 1 // 0))
    # One more than may work watches.
    assert len(threads._threads) <= 5


def test_who_waits_makes_room_and_leaves_some(threads):
    release = threading.Event()
    begun = [threads.submit((f"caller {n}", n), release.wait) for _ in range(40) for n in (0, 1, 2)]
    deadline = time.monotonic() + 10
    while len(threads._began) < 15 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    # Nine are left for others.
    assert sorted(threads._of_callers.values()) == [5, 5, 5]
    began = time.monotonic()
    assert threads.submit(("another", 9), lambda: "quick").result(5) == "quick"
    assert time.monotonic() - began < 1
    release.set()
    assert wait(begun, 10).not_done == set()


def test_a_callers_requests_share_what_it_has(threads):
    release = threading.Event()
    large = [threads.submit(("a", 1), release.wait) for _ in range(100)]
    time.sleep(1)
    began = time.monotonic()
    assert threads.submit(("a", 2), lambda: "quick").result(5) == "quick"
    assert time.monotonic() - began < 1
    release.set()
    assert wait(large, 10).not_done == set()


def test_what_was_not_begun_is_left_undone(threads):
    release, done = threading.Event(), []
    with Turns(threads, _caller("a")) as turns:
        begun = [turns.begin(lambda: (release.wait(), done.append(1))) for _ in range(100)]
        time.sleep(0.1)
    release.set()
    assert wait(begun, 5).not_done == set()
    assert len(done) == sum(not each.cancelled() for each in begun) < 24
    threads.close()
    with pytest.raises(EngineError, match="closed"):
        turns.begin(done.append, 1)


def test_nothing_goes_on_for_nobody(threads):
    gone, release = threading.Event(), threading.Event()
    threading.Timer(0.3, gone.set).start()
    began = time.monotonic()
    with (
        Turns(threads, _caller("a", gone)) as turns,
        pytest.raises(EngineError, match="the caller is gone") as caught,
    ):
        turns.result(turns.begin(release.wait, 10))
    release.set()
    assert caught.value.code is grpc.StatusCode.CANCELLED
    assert time.monotonic() - began < 1


@pytest.fixture(scope="module")
def hanging():
    with ExitStack() as stack:
        agents = [stack.enter_context(raw_agent(raw_agents.hang)) for _ in range(_HANGING)]
        yield [each.address for each in agents]


def test_hanging_hosts_make_nobody_wait(hanging, tmp_path):
    rank = RankRequest(vm={"description": vm()}, destinations=[{"address": a} for a in hanging])
    check = CheckRequest(vm={"description": vm()})
    with (
        FakeAgent(tmp_path / "a", source_snapshot()) as source,
        FakeAgent(tmp_path / "b", destination_snapshot()) as destination,
        Engine(insecure=True) as engine,
        ThreadPoolExecutor(1) as pool,
    ):
        for request in (rank, check):
            request.source.address = source.address
        check.destination.address = destination.address
        ranked = pool.submit(engine.rank, rank, 8, _caller("careless"))
        spent = []
        for pause in (0.05, 0.5, 1, 1):
            time.sleep(pause)
            began = time.monotonic()
            response = engine.check(check, 5, _caller("careful"))
            spent.append(time.monotonic() - began)
            assert not response.subject.errors
        assert not ranked.done()
        assert max(spent) < 1.5
        assert len(ranked.result(20).checks) == _HANGING


def test_a_ranking_ends_with_its_caller(hanging):
    rank = RankRequest(vm={"description": vm()}, destinations=[{"address": a} for a in hanging])
    rank.source.snapshot.CopyFrom(source_snapshot())
    gone = threading.Event()
    threading.Timer(0.5, gone.set).start()
    with Engine(insecure=True) as engine:
        began = time.monotonic()
        with pytest.raises(EngineError) as caught:
            engine.rank(rank, 30, _caller("a", gone))
        assert caught.value.code is grpc.StatusCode.CANCELLED
        assert time.monotonic() - began < 1.5


def test_an_evaluation_ends_with_its_caller():
    rank = RankRequest(vm={"description": vm()})
    rank.source.snapshot.CopyFrom(source_snapshot())
    destination = destination_snapshot()
    for _ in range(2000):
        rank.destinations.add().snapshot.CopyFrom(destination)
    gone = threading.Event()
    threading.Timer(0.5, gone.set).start()
    with Engine() as engine:
        began = time.thread_time()
        with pytest.raises(EngineError, match="gone"):
            engine.rank(rank, None, _caller("a", gone))
        # Of some ten that all of it would take.
        assert time.thread_time() - began < 2
