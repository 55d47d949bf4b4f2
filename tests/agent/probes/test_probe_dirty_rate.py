"""Dirty rates, of a libvirt made up for the test and of libvirt's own test driver."""

import time
from types import SimpleNamespace

import pytest

from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import DirtyRateAnswer, MeasureDirtyRate
from vmfit_agent.host import DirtyRate, Host, LibvirtUnavailable, NoLibvirt
from vmfit_agent.probes.measure_dirty_rate import measure_dirty_rate as probe
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.virtualization.libvirt_connection import LiveLibvirt
from vmfit_agent.virtualization.libvirt_dirty_rate import measure_dirty_rate

UUID = "11111111-0000-4000-8000-000000000001"
NO_DOMAIN = 42


class LibvirtError(Exception):
    def __init__(self, text="", code=1):
        super().__init__(text)
        self.code = code

    def get_error_code(self):
        return self.code


class Domain:
    """A domain that is measured in no time."""

    def __init__(self, *, state=1, control=0, job=0, known=None, error=None):
        self.state_now, self.control, self.job, self.error = state, control, job, error
        self.values = {"dirtyrate.calc_status": 0, **(known or {})}
        self.started = []

    def state(self):
        return self.state_now, 0

    def controlInfo(self):  # noqa: N802
        return [self.control, 0, 0]

    def jobStats(self):  # noqa: N802
        return {"type": self.job}

    def migrateGetMaxDowntime(self):  # noqa: N802
        return 300

    def startDirtyRateCalc(self, seconds):  # noqa: N802
        self.started.append(seconds)
        if self.error:
            raise self.error
        self.values = measured(7)


def measured(mib, age=0.0, status=2, period=1):
    return {
        "dirtyrate.calc_status": status,
        "dirtyrate.calc_start_time": time.monotonic() - age,
        "dirtyrate.calc_period": period,
        "dirtyrate.megabytes_per_second": mib,
    }


class Connection:
    def __init__(self, domain):
        self.domain = domain

    def lookupByUUIDString(self, uuid):  # noqa: N802
        if uuid != UUID:
            raise LibvirtError("Domain not found", NO_DOMAIN)
        return self.domain

    def domainListGetStats(self, domains, kinds, flags):  # noqa: N802
        return [(domain, domain.values) for domain in domains]


LIBVIRT = SimpleNamespace(
    libvirtError=LibvirtError,
    VIR_ERR_NO_DOMAIN=NO_DOMAIN,
    VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT=1,
    VIR_DOMAIN_STATS_DIRTYRATE=512,
)


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch):
    sleep = time.sleep
    monkeypatch.setattr(
        "vmfit_agent.virtualization.libvirt_dirty_rate.time",
        SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: sleep(min(seconds, 0.01))),
    )


def ask(domain, seconds=1.5, uuid=UUID):
    return measure_dirty_rate(LIBVIRT, Connection(domain), uuid, 1, seconds)


def test_measured():
    domain = Domain()
    assert ask(domain) == DirtyRate(7 << 20, 1, 0.3)
    assert domain.started == [1]


def test_no_such_domain():
    assert ask(Domain(), uuid="other") is None


@pytest.mark.parametrize("age", [0.5, 9.0])
def test_a_recent_measurement_is_taken(age):
    domain = Domain(known=measured(3, age, period=2))
    assert ask(domain) == DirtyRate(3 << 20, 2, 0.3)
    assert domain.started == []


def test_an_old_measurement_is_not_taken():
    assert ask(Domain(known=measured(3, 11))) == DirtyRate(7 << 20, 1, 0.3)


def test_one_under_way_is_waited_for():
    class Ending(Domain):
        looks = 0

        @property
        def values(self):
            self.looks += 1
            return measured(5, status=1 if self.looks < 4 else 2)

        @values.setter
        def values(self, _value):
            pass

    domain = Ending()
    assert ask(domain).bytes_per_second == 5 << 20
    assert domain.started == []


def test_one_under_way_that_takes_too_long():
    domain = Domain(known=measured(0, status=1, period=60))
    began = time.monotonic()
    with pytest.raises(LibvirtUnavailable, match="of 60 s is under way"):
        ask(domain)
    assert time.monotonic() - began < 1


def test_what_an_occupied_domain_does_not_tell_is_asked_again():
    class Occupied(Domain):
        looks = 0

        def controlInfo(self):  # noqa: N802
            self.looks += 1
            return [2 if self.looks < 3 else 0, 0, 0]

        @property
        def values(self):
            self.looks += 1
            return measured(5) if self.looks > 6 else {}

        @values.setter
        def values(self, _value):
            pass

    assert ask(Occupied()).bytes_per_second == 5 << 20


def test_a_domain_that_tells_nothing():
    domain = Domain()
    domain.startDirtyRateCalc = lambda _seconds: setattr(domain, "values", {})
    with pytest.raises(LibvirtUnavailable, match="does not tell"):
        ask(domain, seconds=0.1)


def test_somebody_else_was_faster():
    error = LibvirtError("unable to execute: the dirty rate is already being measured.")
    domain = Domain(error=error)

    def lose(_seconds):
        domain.values = measured(9)
        raise error

    domain.startDirtyRateCalc = lose
    assert ask(domain).bytes_per_second == 9 << 20


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        (Domain(state=3), "does not run"),
        (Domain(control=2), "waits for the domain's hypervisor process"),
        (Domain(job=2), "has a job under way"),
    ],
)
def test_what_would_wait_is_not_asked(domain, words):
    with pytest.raises(LibvirtUnavailable, match=words):
        ask(domain)
    assert domain.started == []


def test_a_libvirt_or_a_qemu_that_is_too_old():
    with pytest.raises(LibvirtError, match="QEMU does not support"):
        ask(Domain(error=LibvirtError("QEMU does not support calculating dirty page rate")))
    old = SimpleNamespace(**{name: getattr(Domain(), name) for name in dir(Domain()) if name in
        {"state", "controlInfo", "jobStats", "values"}})  # fmt: skip
    with pytest.raises(LibvirtUnavailable, match=r"7\.2 and newer"):
        ask(old)


class Uris:
    """One libvirt URI for each answer."""

    def __init__(self, *answers):
        self.answers = dict(enumerate(answers))

    @property
    def uris(self):
        return self.answers

    def connect(self, uri):
        def dirty_rate(*_):
            if isinstance(self.answers[uri], Exception):
                raise self.answers[uri]
            return self.answers[uri]

        return SimpleNamespace(dirty_rate=dirty_rate)


def answered(*answers):
    return probe(
        MeasureDirtyRate(uuid=UUID, period_seconds=1), terms(1.5, Host(libvirt=Uris(*answers)))
    )


def test_the_uri_that_has_the_domain_answers():
    found = answered(None, LibvirtUnavailable("xen: no"), DirtyRate(5, 1, None))
    assert found == DirtyRateAnswer(bytes_per_second=5, period_seconds=1)
    assert answered(DirtyRate(5, 1, 0.3)).maximum_downtime_seconds == 0.3


@pytest.mark.parametrize(
    ("answers", "words"),
    [((), "no domain"), ((None,), "no domain"), ((LibvirtUnavailable("a: b"), None), "a: b")],
)
def test_no_answer(answers, words):
    with pytest.raises(Unanswerable, match=words):
        answered(*answers)


def test_a_host_without_libvirt():
    with pytest.raises(Unanswerable, match="no domain"):
        probe(MeasureDirtyRate(uuid=UUID, period_seconds=1), terms(1.5, Host(libvirt=NoLibvirt())))


def test_a_driver_that_cannot():
    pytest.importorskip("libvirt", reason="the libvirt Python module is not installed")
    host = Host(libvirt=LiveLibvirt(["test:///default"]))
    known = MeasureDirtyRate(uuid="6695eb01-f6a4-8304-79aa-97f2502e193f", period_seconds=1)
    with pytest.raises(Unanswerable, match="not supported"):
        probe(known, terms(1.5, host))
    with pytest.raises(Unanswerable, match="no domain"):
        probe(MeasureDirtyRate(uuid=UUID, period_seconds=1), terms(1.5, host))
