"""Disks that are full or read-only where services keep what they know: answers go on.

Nothing that was kept before is lost, and once there is room all is kept again.
"""

import signal
import sqlite3
import time

import grpc
import pytest

from tests.agent.preparation.ledgers import memory, write_host
from tests.load.rounds import FAULTS
from tests.load.services import check
from tests.load.small_disk import SmallDisk
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.host_preparation_service_pb2 import ListLeasesRequest, ReserveRequest
from vmfit.v1.host_preparation_service_pb2_grpc import HostPreparationStub

DISK_BYTES = 1 << 20
DEADLINE = 30


@pytest.fixture
def disk(tmp_path):
    disk = SmallDisk(tmp_path / "disk", DISK_BYTES)
    yield disk
    disk.end()


class Checks:
    """Checks of a comparator, each with an answer; and which of them its store has."""

    def __init__(self, services, hosts, path, tally):
        self._services, self._path, self._tally = services, path, tally
        store = f'store = "sqlite:///{path}"\nstore_checks = 1000000\n'
        self.comparator = services.comparing(hosts, store, program="vmfit-eager")

    def ask(self, count):
        """Return the ids of so many checks."""
        ids = []
        with self._services.dial(self.comparator.address) as channel:
            for _ in range(count):
                try:
                    answer = ComparatorStub(channel).Check(check(), timeout=DEADLINE)
                    self._tally.add(None if answer.findings else "no findings")
                    ids.append(answer.subject.check_id)
                except grpc.RpcError as error:
                    self._tally.add(f"{error.code().name}: {error.details()}")
        return ids

    def await_kept(self, seconds=60):
        """Ask until a check is in the store again."""
        end = time.monotonic() + seconds
        while not any(self.ask(1)):
            assert time.monotonic() < end, self.comparator.log
            time.sleep(0.2)

    def unkept(self, ids):
        """Return which of the ids the store, whole itself, does not have."""
        with sqlite3.connect(f"file:{self._path}?mode=ro", uri=True) as store:
            assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            kept = {each for (each,) in store.execute("SELECT id FROM vmfit_checks")}
        store.close()
        return [each for each in ids if each not in kept]


@pytest.fixture
def checks(services, hosts, disk, tally):
    return Checks(services, hosts, disk.directory / "store.db", tally)


def test_a_store_without_room(checks, disk, tally):
    checks.comparator.start()
    kept = checks.ask(5)
    disk.fill()
    checks.ask(FAULTS)
    disk.empty()
    checks.await_kept()
    kept += checks.ask(5)
    assert checks.comparator.end() == 0
    tally.note(f"{len(checks.unkept(kept))} of {len(kept)} lost that there was room for")
    assert tally.losses == []
    assert all(kept)
    assert checks.unkept(kept) == []
    said = [line for line in checks.comparator.log.splitlines() if "full" in line]
    assert 1 <= len(said) <= 5
    assert "Traceback" not in checks.comparator.log


def test_a_store_that_cannot_be_written(checks, disk, tally):
    checks.comparator.start()
    before = checks.ask(5)
    checks.comparator.end()
    disk.make_read_only()
    checks.comparator.start()
    checks.ask(FAULTS)
    disk.make_writable()
    checks.await_kept()
    after = checks.ask(5)
    assert checks.comparator.end() == 0
    unkept = checks.unkept(before + after)
    tally.note(f"{len(unkept)} of {len(before + after)} lost that could be written")
    assert tally.losses == []
    assert unkept == []
    assert "Traceback" not in checks.comparator.log


def test_a_store_that_cannot_be_made(checks, disk, tally):
    disk.make_read_only()
    checks.comparator.start()
    checks.ask(FAULTS)
    disk.make_writable()
    checks.await_kept()
    kept = checks.ask(5)
    assert checks.comparator.end() == 0
    assert tally.losses == []
    assert checks.unkept(kept) == []
    assert "Traceback" not in checks.comparator.log


class Promises:
    """An agent that promises memory, whose ledger lies on the disk."""

    def __init__(self, services, disk, tally):
        self._services, self._tally = services, tally
        root = write_host(services.directory / "host", available_mebibytes=1 << 20)
        (root / "var/lib/vmfit-prepare").rmdir()
        (root / "var/lib/vmfit-prepare").symlink_to(disk.directory)
        self._socket = services.directory / "prepare.sock"
        self._preparer = services.service(
            "vmfit-agent", "prepare", "--socket", self._socket, "--root", root
        )
        self._agent = services.serving(
            *("--root", root, "--libvirt-uri", "none", "--preparer", f"unix:{self._socket}"),
            listen=f"unix:{services.directory}/agent.sock",
        )
        self._asked = 0
        self.promised = {}

    def start(self):
        self._preparer.start()
        self._agent.start()

    def start_again(self):
        self._preparer.end(signal.SIGKILL)
        self._preparer.start()

    def ask(self, count, *, may_refuse):
        """Ask for so many promises; return how many were made."""
        made = 0
        with self._services.dial(self._agent.address) as channel:
            for _ in range(count):
                try:
                    lease = self._reserve(HostPreparationStub(channel))
                except grpc.RpcError as error:
                    why = f"{error.code().name}: {error.details()}"
                    is_said = may_refuse and ("No space" in why or "Read-only" in why)
                    self._tally.add(None if is_said else why)
                else:
                    self.promised[lease.vm_uuid] = lease
                    made += 1
                    self._tally.add()
        return made

    def _reserve(self, stub):
        self._asked += 1
        uuid = f"11111111-1111-4111-8111-{self._asked:012d}"
        request = ReserveRequest(vm_uuid=uuid, reservations=[memory(1)], duration={"seconds": 3600})
        return stub.Reserve(request, timeout=DEADLINE).lease

    def listed(self):
        with self._services.dial(self._agent.address) as channel:
            stub = HostPreparationStub(channel)
            leases = stub.ListLeases(ListLeasesRequest(), timeout=DEADLINE).leases
        return {each.vm_uuid: each for each in leases}


@pytest.fixture
def promises(services, disk, tally):
    promises = Promises(services, disk, tally)
    promises.start()
    return promises


def test_a_ledger_without_room(promises, disk, tally):
    promises.ask(3, may_refuse=False)
    disk.fill()
    while_full = promises.ask(FAULTS, may_refuse=True)
    disk.empty()
    promises.ask(3, may_refuse=False)
    promises.start_again()
    listed = promises.listed()
    tally.note(f"{while_full} promised while full, {len(listed)} of all kept")
    assert tally.losses == []
    assert while_full < FAULTS
    assert listed == promises.promised


def test_a_ledger_that_cannot_be_written(promises, disk, tally):
    promises.ask(3, may_refuse=False)
    promises._preparer.end()
    disk.make_read_only()
    promises._preparer.start()
    made = promises.ask(FAULTS, may_refuse=True)
    disk.make_writable()
    promises.start_again()
    promises.ask(3, may_refuse=False)
    listed = promises.listed()
    tally.note(f"{made} promised while read-only, {len(listed)} of all kept")
    assert tally.losses == []
    assert made == 0
    assert listed == promises.promised
