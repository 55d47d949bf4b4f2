"""Hypervisor processes that hang cost their own answers, and nobody else's."""

import threading
import time
from types import SimpleNamespace

import pytest

from vmfit_agent.host import DomainRecord
from vmfit_agent.virtualization.libvirt_process_probe import ProcessProbe

DISK = "<disk><target dev='vda' bus='virtio'/></disk>"


class LibvirtError(Exception):
    def get_error_code(self):
        return 1


class Domain:
    def __init__(self, uuid, *, hangs=None, control=0, job=None, block_job=0, written=None):
        self.statistics = {"balloon.rss": 4, **(written or {})}
        self.uuid, self.hangs, self.control = uuid, hangs, control
        self.job, self.block_job = job, block_job

    def UUIDString(self):  # noqa: N802
        return self.uuid

    def controlInfo(self):  # noqa: N802
        return [self.control, 0, 0]

    def jobStats(self):  # noqa: N802
        if self.hangs is not None:
            self.control = 2
            self.hangs.wait(10)
        return {"type": 2, "operation": self.job} if self.job else {"type": 0}

    def blockJobInfo(self, disk, flags):  # noqa: N802
        return {"type": self.block_job} if self.block_job else {}


class Connection:
    def __init__(self, domains):
        self.domains = {domain.uuid: domain for domain in domains}

    def isAlive(self):  # noqa: N802
        return True

    def lookupByUUIDString(self, uuid):  # noqa: N802
        if uuid not in self.domains:
            raise LibvirtError
        return self.domains[uuid]

    def getAllDomainStats(self, kinds, flags):  # noqa: N802
        return [(domain, domain.statistics) for domain in self.domains.values()]

    def domainListGetStats(self, domains, kinds, flags):  # noqa: N802
        return [(domain, domain.statistics) for domain in domains]


def probe(*domains):
    opened = []

    def connect(uri):
        opened.append(uri)
        return Connection(domains)

    libvirt = SimpleNamespace(
        open=connect,
        libvirtError=LibvirtError,
        VIR_ERR_NO_DOMAIN=1,
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT=1,
        VIR_DOMAIN_STATS_BALLOON=2,
        VIR_DOMAIN_STATS_DIRTYRATE=512,
    )
    return ProcessProbe(libvirt, "u", read_only=False), opened


def measured(mib, status=2, age=0):
    return {
        "dirtyrate.calc_status": status,
        "dirtyrate.calc_start_time": int(time.monotonic()) - age,
        "dirtyrate.calc_period": 1,
        "dirtyrate.megabytes_per_second": mib,
    }


def records(*uuids, state=1):
    return {uuid: DomainRecord(uri="u", xml=DISK, state=state) for uuid in uuids}


def test_jobs_and_memory():
    asked, _ = probe(Domain("a", job=5), Domain("b", block_job=1), Domain("c"))
    one, two, three = asked.complete(records("a", "b", "c"))
    assert (one.active_job, one.block_jobs, one.jobs_known) == ("migration out", (), True)
    assert (two.active_job, two.block_jobs) == (None, (("vda", "pull"),))
    assert (three.active_job, three.block_jobs, three.jobs_known) == (None, (), True)
    assert one.resident_bytes == 4096


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        (None, (None, None)),
        ({"mib": 5, "status": 0}, (None, None)),
        ({"mib": 5, "status": 1}, (None, None)),
        ({"mib": 5}, (5 << 20, 1)),
        ({"mib": 0}, (0, 1)),
        ({"mib": 5, "age": 50}, (5 << 20, 1)),
        ({"mib": 5, "age": 61}, (None, None)),
    ],
)
def test_a_dirty_rate_that_somebody_had_measured(written, rate):
    asked, _ = probe(Domain("a", written=written and measured(**written)))
    (record,) = asked.complete(records("a"))
    assert (record.dirty_rate_bytes_per_second, record.dirty_rate_period_seconds) == rate


def test_inactive_domains_are_not_asked():
    asked, opened = probe()
    (record,) = asked.complete(records("a", state=5))
    assert not record.jobs_known
    assert not opened


def test_a_domain_that_went_away_stays_as_it_was():
    asked, _ = probe(Domain("b"))
    gone, there = asked.complete(records("gone", "b"))
    assert (gone.jobs_known, there.jobs_known) == (False, True)


@pytest.mark.parametrize("control", [2, 3])
def test_an_occupied_process_is_passed_over(control):
    asked, _ = probe(Domain("a", control=control), Domain("b"))
    assert [one.jobs_known for one in asked.complete(records("a", "b"))] == [False, True]


def test_a_process_that_hangs_costs_the_others_one_look(monkeypatch):
    monkeypatch.setattr("vmfit_agent.virtualization.libvirt_process_probe.PROBE_SECONDS", 0.2)
    release = threading.Event()
    asked, opened = probe(Domain("a"), Domain("b", hangs=release), Domain("c"))
    try:
        first = asked.complete(records("a", "b", "c"))
        assert [one.jobs_known for one in first] == [True, False, False]
        second = asked.complete(records("a", "b", "c"))
        assert [one.jobs_known for one in second] == [True, False, True]
    finally:
        release.set()
    assert len(opened) == 2
