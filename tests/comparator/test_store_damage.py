"""A store whose file was damaged, and who may read it."""

import os
import random
import sqlite3
import stat

import pytest

from tests.comparator.test_store import CHECK, FAILED, MIGRATED, numbered
from vmfit_comparator.store.records import StoreError
from vmfit_comparator.store.store import Store

_FLIPS = 150
_ROWS = 40


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "store.db"
    store = Store(f"sqlite:///{path}")
    for number in range(_ROWS):
        store.add_check(numbered(number))
        store.put_outcome(numbered(number).id, MIGRATED)
    store.close()
    return path


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_store_is_its_owners_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        store = Store(f"sqlite:///{tmp_path / 'store.db'}")
        store.add_check(CHECK)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_is_for_whom_the_directory_is(tmp_path):
    os.chown(tmp_path, 4444, 4321)
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    store.add_check(CHECK)
    owners = {each.name: (each.stat().st_uid, each.stat().st_gid) for each in tmp_path.iterdir()}
    store.close()
    assert owners == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), (4444, 4321))


def test_a_store_that_is_there_keeps_its_mode(path):
    path.chmod(0o640)
    store = Store(f"sqlite:///{path}")
    store.add_check(numbered(100))
    store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "change",
    [
        "findings = '{\"a\": '",
        "findings = '[1]'",
        "findings = '{\"cpu.features\": [9, 1]}'",
        "findings = '{\"cpu.features\": [5]}'",
        "findings = '" + "[" * 50_000 + "'",
        "findings = x'ff00'",
        "answer = 77",
        "answer = 'yes'",
        "probability = 1e9",
        "checked_at_us = 'now'",
        "vm_name = CAST(x'41ff' AS TEXT)",
        "policy = x'00'",
    ],
)
def test_a_damaged_check_is_named(path, change):
    damaged = numbered(7).id
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE vmfit_checks SET {change} WHERE id = '{damaged}'")
    connection.close()
    store = Store(f"sqlite:///{path}")
    complaint = f"{path}: the row '{damaged}' of vmfit_checks is damaged"
    with pytest.raises(StoreError, match=complaint):
        store.check(damaged)
    with pytest.raises(StoreError, match=complaint):
        list(store.outcomes())
    assert store.check(numbered(8).id) == numbered(8)
    store.close()


@pytest.mark.parametrize("change", ["outcome = 77", "causes = '{'", "causes = '[1]'", "text = 1.5"])
def test_a_damaged_outcome_is_named(path, change):
    damaged = numbered(7).id
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE vmfit_outcomes SET {change} WHERE check_id = '{damaged}'")
    connection.close()
    store = Store(f"sqlite:///{path}")
    found = store.outcomes()
    if change == "text = 1.5":  # SQLite makes a text of it.
        assert [each.text for _, each in found if each.text] == ["1.5"]
    else:
        with pytest.raises(StoreError, match=f"the row '{damaged}' of vmfit_outcomes is damaged"):
            list(found)
    store.close()


def test_a_damaged_page_is_named(path):
    content = bytearray(path.read_bytes())
    page = int.from_bytes(content[16:18], "big")
    for number in range(2, len(content) // page):
        content[number * page : number * page + 8] = b"\xee" * 8
    path.write_bytes(content)
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match=r"malformed \(.*[Pp]age") as caught:
        list(store.outcomes())
    assert str(path) in str(caught.value)
    store.close()


def _questions(store):
    return (
        lambda: list(store.outcomes()),
        lambda: store.check(numbered(3).id),
        lambda: store.add_check(numbered(1000)),
        lambda: store.put_outcome(numbered(3).id, FAILED),
        store.count_checks,
    )


def test_flipped_bytes_are_errors_of_the_store(path):
    whole = path.read_bytes()
    chance = random.Random(8)
    complaints = []
    for _ in range(_FLIPS):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 8, 64))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)
        store = Store(f"sqlite:///{path}")
        for ask in _questions(store):
            try:
                ask()
            except StoreError as error:
                complaints.append(str(error))
        store.close()
    assert len(complaints) > _FLIPS / 4
    assert not [each for each in complaints if str(path) not in each or not each.isprintable()]
