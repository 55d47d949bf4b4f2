"""The ledger on disk: torn, damaged, of another boot or version, full, read-only, or in use."""

import os
import resource
import signal
import zlib

import pytest

from tests.agent.preparation.ledgers import BOOT_ID, FIRST, SECOND, memory, write_guest, write_host
from vmfit.v1.preparation_pb2 import HOLD_LEDGER, Lease
from vmfit_agent.collectors.memory import collect
from vmfit_agent.host import Host
from vmfit_agent.ledger import ledger_file
from vmfit_agent.ledger.ledger_file import LedgerFile, LedgerUnusable
from vmfit_agent.ledger.rules import End, Put, carry_out


def lease(vm_uuid=FIRST, generation=1, seconds=10**9):
    made = Lease(vm_uuid=vm_uuid, owner="dns:alice", generation=generation, hold=HOLD_LEDGER)
    made.reservations.append(memory(64))
    made.ends_since_boot.seconds = seconds
    return made


def write(file, ledger, *actions):
    for action in actions:
        ledger = carry_out(ledger, action)
    file.write(actions, ledger)
    return ledger


@pytest.fixture
def directory(tmp_path):
    return write_host(tmp_path) / "var/lib/vmfit-prepare"


def opened(directory, boot_id=BOOT_ID):
    file = LedgerFile(directory, boot_id)
    return file, *file.open()


def test_what_was_written_is_read_back(directory):
    file, ledger, _ = opened(directory)
    ledger = write(file, ledger, Put(lease()), Put(lease(SECOND, 2)), End(FIRST, 3))
    file.close()
    _, again, ended = opened(directory)
    assert (again, ended) == (ledger, 0)
    assert set(again.leases) == {SECOND}
    assert again.generation == 3


def test_a_line_cut_short_was_never_promised(directory):
    file, ledger, _ = opened(directory)
    write(file, ledger, Put(lease()), Put(lease(SECOND, 2)))
    file.close()
    path = directory / "ledger"
    path.write_bytes(path.read_bytes()[:-9])
    assert set(opened(directory)[1].leases) == {FIRST}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text.replace("alice", "bobby", 1), "line 2 is damaged"),
        (lambda text: "0" + text[1:] if text[0] != "0" else "1" + text[1:], "line 1 is damaged"),
        (lambda _: "", "it has no first line"),
        (lambda _: '5fcb0ab8 {"format":2}\n', "format 2"),
    ],
)
def test_a_ledger_that_cannot_be_used_stays_as_it_is(directory, damage, told):
    file, ledger, _ = opened(directory)
    write(file, ledger, Put(lease()), Put(lease(SECOND, 2)))
    file.close()
    path = directory / "ledger"
    text = damage(path.read_text())
    if "format" in told:
        text = _with_checksum('{"format":2}')
    path.write_text(text)
    with pytest.raises(LedgerUnusable, match=told) as refused:
        opened(directory)
    assert str(path) in str(refused.value)
    assert path.read_text() == text
    host = Host(directory.parents[2])
    assert not collect(host).leases
    assert any("ledger" in each and "not known" in each for each in host.warnings)


def _with_checksum(text):
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


def test_a_boot_ends_leases_and_no_generation_comes_twice(directory):
    file, ledger, _ = opened(directory)
    write(file, ledger, Put(lease(generation=41)))
    file.close()
    _, ledger, ended = opened(directory, "another boot")
    assert (dict(ledger.leases), ledger.generation, ended) == ({}, 41, 1)


def test_one_process_has_it(directory):
    first = opened(directory)[0]
    with pytest.raises(LedgerUnusable, match="another process has it"):
        opened(directory)
    first.close()
    opened(directory)


def test_no_directory(tmp_path):
    with pytest.raises(LedgerUnusable, match="No such file or directory"):
        opened(tmp_path / "missing")


def test_a_full_disk_changes_nothing(directory, monkeypatch):
    file, ledger, _ = opened(directory)
    ledger = write(file, ledger, Put(lease()))
    before = (directory / "ledger").read_bytes()
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, content, at: real(fd, content[:7], at))
    with pytest.raises(LedgerUnusable, match="No space left on device"):
        write(file, ledger, Put(lease(SECOND, 2)))
    monkeypatch.undo()
    assert (directory / "ledger").read_bytes() == before
    assert opened(directory)[1] == ledger


def test_a_limit_of_file_size_changes_nothing(directory):
    """The kernel refuses the write itself, as on a disk that is full."""
    file, ledger, _ = opened(directory)
    ledger = write(file, ledger, Put(lease()))
    size = (directory / "ledger").stat().st_size
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, hard))
    try:
        with pytest.raises(LedgerUnusable, match=r"No space left|File too large"):
            write(file, ledger, Put(lease(SECOND, 2)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)
    assert (directory / "ledger").stat().st_size == size
    assert opened(directory)[1] == ledger


def test_many_changes_are_written_anew(directory, monkeypatch):
    monkeypatch.setattr(ledger_file, "MAX_LINES", 8)
    file, ledger, _ = opened(directory)
    for generation in range(1, 100, 2):
        ledger = write(file, ledger, Put(lease(generation=generation)), End(FIRST, generation + 1))
    ledger = write(file, ledger, Put(lease(generation=101)))
    assert len((directory / "ledger").read_text().splitlines()) <= 9
    file.close()
    assert opened(directory)[1] == ledger


def test_collectors_read_what_holds(directory):
    root = directory.parents[2]
    file, ledger, _ = opened(directory)
    write(file, ledger, Put(lease()), Put(lease(SECOND, 2, seconds=0)))
    (held,) = collect(Host(root)).leases
    assert (held.vm_uuid, held.reservations[0].used_bytes, held.arrived) == (FIRST, 0, False)
    write_guest(root, 77, SECOND, 16)
    _, second = collect(Host(root)).leases
    assert (second.arrived, second.reservations[0].used_bytes) == (True, 16 << 20)
    # Promises of another boot bind nobody.
    (root / "proc/sys/kernel/random/boot_id").write_text("another\n")
    assert not collect(Host(root)).leases
