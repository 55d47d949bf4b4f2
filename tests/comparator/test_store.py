"""The store on real databases: SQLite files, and PostgreSQL where it is installed."""

import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.comparator import postgresql
from vmfit.v1.calibration_pb2 import MigrationOutcome
from vmfit.v1.finding_pb2 import Answer, Consequence
from vmfit_comparator.store.records import CheckRecord, Given, OutcomeRecord, StoreError
from vmfit_comparator.store.store import Store

PROJECT = Path(__file__).parents[2]
MIGRATED = OutcomeRecord(MigrationOutcome.MIGRATION_OUTCOME_MIGRATED)
FAILED = OutcomeRecord(MigrationOutcome.MIGRATION_OUTCOME_FAILED, "no route", ("net.ports",))
CHECK = CheckRecord(
    id="0" * 16,
    checked_at_seconds=1_700_000_000.5,
    vm_name="guest \N{SNOWMAN}",
    vm_uuid="11111111-2222-4333-8444-555555555555",
    source_host="alpha",
    destination_host="beta",
    options_digest="ab" * 32,
    policy="default",
    answer=Answer.ANSWER_PROBABLY_YES,
    probability=0.81,
    acceptable=True,
    is_whole=True,
    findings={
        "net.ports": Given(Answer.ANSWER_YES, Consequence.CONSEQUENCE_FAILS),
        "storage.disk_identity": Given(
            Answer.ANSWER_PROBABLY_YES, Consequence.CONSEQUENCE_BREAKS_GUEST, 0.9
        ),
    },
)


def numbered(number, **changes):
    """The check with an id of its own, later the higher the number."""
    at = CHECK.checked_at_seconds + number
    return replace(CHECK, id=f"{number:016x}", checked_at_seconds=at, **changes)


@pytest.fixture(scope="module")
def postgresql_url():
    if postgresql.missing():
        pytest.skip(postgresql.missing())
    with postgresql.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    url = request.getfixturevalue("postgresql_url")
    yield url
    postgresql.forget(url)


def opened(url, **keywords):
    store = Store(url, **keywords)
    store.add_check(CHECK)
    return store


def test_what_is_kept_comes_back(url):
    opened(url).close()
    store = Store(url)
    assert store.check(CHECK.id) == CHECK
    assert store.check("f" * 16) is None
    assert store.count_checks() == 1
    assert list(store.outcomes()) == []
    assert store.put_outcome(CHECK.id, MIGRATED) is None
    assert store.put_outcome(CHECK.id, FAILED) == MIGRATED
    assert list(store.outcomes()) == [(CHECK, FAILED)]
    store.close()


def test_outcomes_are_in_order(url):
    store = Store(url)
    for number in (3, 1, 2):
        store.add_check(numbered(number))
        store.put_outcome(numbered(number).id, MIGRATED)
    assert [check.id for check, _ in store.outcomes()] == [numbered(n).id for n in (1, 2, 3)]
    store.close()


def test_an_outcome_needs_its_check(url):
    store = opened(url)
    with pytest.raises(StoreError):
        store.put_outcome("f" * 16, MIGRATED)
    with pytest.raises(StoreError):
        store.add_check(CHECK)
    store.close()


def test_the_oldest_are_forgotten_with_and_without_an_outcome(url):
    store = Store(url, kept_checks=5)
    for number in range(20):
        store.add_check(numbered(number))
        if number % 3 == 0:
            store.put_outcome(numbered(number).id, MIGRATED)
    # Those with an outcome are 0, 3, ... 18.
    kept = [number for number in range(20) if store.check(numbered(number).id)]
    assert kept == [6, 9, 12, 13, 14, 15, 16, 17, 18, 19]
    assert [int(check.id, 16) for check, _ in store.outcomes()] == [6, 9, 12, 15, 18]
    store.close()


def test_growth_is_bounded_between_counts(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", kept_checks=50)
    most = 0
    for number in range(200):
        store.add_check(numbered(number))
        most = max(most, store.count_checks())
    assert most <= 55
    store.close()
    # Each command is a process of its own: it counts too.
    for number in range(200, 300):
        store = Store(f"sqlite:///{tmp_path / 'store.db'}", kept_checks=50)
        store.add_check(numbered(number))
        store.close()
    # By chance, so with room for bad luck: (5/6) ** 50 is one of nine thousand.
    assert Store(f"sqlite:///{tmp_path / 'store.db'}").count_checks() <= 100


_WRITER = """
import sys
from tests.comparator.test_store import FAILED, MIGRATED, numbered
from vmfit_comparator.store.store import Store

store, first = Store(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + 40):
    store.add_check(numbered(number))
    store.put_outcome(numbered(number).id, MIGRATED)
    store.put_outcome(numbered(first).id, FAILED)
"""


def test_processes_write_at_the_same_time(url):
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, url, str(first)], cwd=PROJECT)
        for first in (0, 100, 200)
    ]
    assert [each.wait(120) for each in writers] == [0, 0, 0]
    store = Store(url)
    assert store.count_checks() == 120
    assert len(list(store.outcomes())) == 120
    store.close()


def test_another_schema_version_is_named(url):
    opened(url).close()
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute("UPDATE vmfit_schema SET version = 7")
        connection.close()
    else:
        import psycopg  # noqa: PLC0415

        with psycopg.connect(url) as connection:
            connection.execute("UPDATE vmfit_schema SET version = 7")
    store = Store(url)
    with pytest.raises(StoreError, match="schema version 7, this vmfit knows 2"):
        store.add_check(numbered(1))
    store.close()


def test_a_locked_database(tmp_path):
    path = tmp_path / "store.db"
    store = opened(f"sqlite:///{path}")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    before = time.monotonic()
    with pytest.raises(StoreError, match="database is locked"):
        store.add_check(numbered(1))
    assert time.monotonic() - before < 6
    # Who only reads does not wait.
    assert store.check(CHECK.id) == CHECK
    holder.execute("ROLLBACK")
    store.add_check(numbered(1))
    holder.close()
    store.close()


def test_a_read_only_database(tmp_path):
    path = tmp_path / "store.db"
    opened(f"sqlite:///{path}").close()
    store = Store(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(StoreError, match="readonly"):
        store.add_check(numbered(1))
    assert store.check(CHECK.id) == CHECK
    store.close()


def test_postgresql_without_its_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"vmfit-comparator\[postgresql\]"):
        Store("postgresql://h/d")


def test_databases_that_are_none(tmp_path):
    (tmp_path / "text.db").write_text("Lorem ipsum " * 500)
    for name, message in (("text.db", "not a database"), ("none/store.db", "unable to open")):
        store = Store(f"sqlite:///{tmp_path / name}")
        with pytest.raises(StoreError, match=message) as caught:
            store.add_check(CHECK)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
        store.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "not a URL"),
        ("/var/lib/store.db", "not a URL"),
        ("mysql://h/d", "'mysql' is neither sqlite nor postgresql"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://h:port/d", "not a URL"),
    ],
)
def test_urls_that_are_none(url, message):
    with pytest.raises(StoreError, match=message):
        Store(url)


def test_a_dead_server_is_named_without_its_password(tmp_path):
    store = Store(f"postgresql://vmfit:secret@/d?host={tmp_path}")
    with pytest.raises(StoreError) as caught:
        store.add_check(CHECK)
    assert str(tmp_path) in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    store.close()
