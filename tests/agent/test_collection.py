"""How parts share threads."""

import threading
import time

from vmfit.v1.host_pb2 import Clock, Memory
from vmfit_agent.collection import CollectorRunner
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host


def runner(**collects):
    return CollectorRunner(
        Host(), {name: Collector(collect, None) for name, collect in collects.items()}
    )


def test_quick_parts_share_one_thread():
    threads = set()

    def collect(host):
        threads.add(threading.get_ident())
        return Memory()

    parts = runner(memory=collect, numa=collect, clock=collect)
    assert all(
        each.message is not None for each in parts.collect(["memory", "numa", "clock"]).values()
    )
    assert len(threads) == 1


def test_a_part_that_waits_holds_up_none_behind_it():
    go_on = threading.Event()

    def slow(host):
        go_on.wait(10)
        return Memory()

    parts = runner(memory=slow, numa=slow, clock=lambda _: Clock())
    results = {}
    caller = threading.Thread(
        target=lambda: results.update(parts.collect(["memory", "numa", "clock"]))
    )
    caller.start()
    end = time.monotonic() + 5
    while parts.latest("clock") is None and time.monotonic() < end:
        time.sleep(0.01)
    assert parts.latest("clock") is not None
    assert parts.latest("memory") is None
    go_on.set()
    caller.join(5)
    assert set(results) == {"memory", "numa", "clock"}


def test_a_thread_ends_when_nothing_waits_and_another_takes_what_comes():
    parts = runner(clock=lambda _: Clock())
    for _ in range(3):
        assert parts.collect(["clock"])["clock"].message is not None
        time.sleep(0.01)
    assert not [thread for thread in threading.enumerate() if thread.name == "collect"]
