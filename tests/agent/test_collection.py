"""How parts share threads."""

import threading
import time
from pathlib import Path

import pytest

from vmfit.v1.host_pb2 import Clock, Memory
from vmfit_agent.assembly import assemble
from vmfit_agent.collected_part import absent
from vmfit_agent.collection import CollectorRunner
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host
from vmfit_agent.moments import Moments


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


@pytest.mark.parametrize("jump", [-86400, 86400])
def test_a_parts_age_is_by_no_wall_clock(jump):
    part = absent("cpu", "a reason")
    part.status.collected_at.seconds += jump
    part = part._replace(since_boot_seconds=part.since_boot_seconds - 7)
    (status,) = assemble({"cpu": part}).parts
    assert 7 <= status.age.ToNanoseconds() / 1e9 < 8


def test_no_two_answers_have_the_same_moment(tmp_path):
    moments = Moments()
    given = [moments.now().since_boot.ToNanoseconds() for _ in range(1000)]
    assert given == sorted(set(given))
    assert moments.now().boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert not Moments(tmp_path / "nothing").now().HasField("boot_id")
