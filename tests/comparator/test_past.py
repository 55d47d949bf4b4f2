"""What hosts were: kept as they are asked, told later; older stores are upgraded."""

import sqlite3
import time
from pathlib import Path

import click
import grpc
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from google.protobuf import text_format
from sqlalchemy import create_engine

from tests.comparator import postgresql
from tests.comparator.fake_agents import FakeAgent
from tests.comparator.healthy import SOURCE
from vmfit.v1.comparator_service_pb2 import CheckRequest, DiffRequest, GetHostSnapshotRequest
from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit_comparator.cli import run
from vmfit_comparator.commands.references import host_reference
from vmfit_comparator.commands.times import parse_time
from vmfit_comparator.engine import Engine
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.hosts.inventory import parse_inventory
from vmfit_comparator.past.moments import moment_of, snapshot_of
from vmfit_comparator.past.past import Past
from vmfit_comparator.past.recorder import Kept, Recorder
from vmfit_comparator.past.volatile import stable, together, volatile
from vmfit_comparator.store.past_store import PastStore
from vmfit_comparator.store.records import StoreError
from vmfit_comparator.store.store import Store
from vmfit_comparator.store.tables import METADATA
from vmfit_contract.snapshot_file import read_snapshot

HOUR = 3600.0
START = 1_700_000_000.0
EVERYTHING = Kept(10**9, 10**12)


def alpha():
    snapshot = text_format.Parse(SOURCE, Snapshot())
    del snapshot.parts[:]
    for field, _ in snapshot.ListFields():
        if field.message_type is not None and field.number >= 10:
            snapshot.parts.append(PartStatus(name=field.name, digest=field.name.ljust(32, "0")))
    return snapshot


def without_bridges():
    snapshot = alpha()
    snapshot.network.ClearField("interfaces")
    return snapshot


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


@pytest.fixture
def store(url):
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def past(store):
    return PastStore(store)


def add(past, snapshot, at_seconds, host="alpha"):
    past.add([moment_of(host, at_seconds, snapshot)])


def test_a_snapshot_is_what_stays_and_what_changes():
    snapshot = alpha()
    apart = stable(snapshot), volatile(snapshot)
    assert together(*apart) == snapshot
    assert apart[0].memory.total_bytes == snapshot.memory.total_bytes
    assert not apart[0].memory.HasField("free_bytes")
    assert not apart[1].memory.HasField("total_bytes")
    assert [each.node_id for each in apart[0].numa.nodes] == [0, 1]
    assert snapshot_of(moment_of("alpha", START, snapshot)) == snapshot


def test_the_same_host_is_the_same_stable_text():
    later = alpha()
    later.taken_at.seconds += 1000
    later.memory.free_bytes -= 4096
    later.numa.nodes[1].free_bytes -= 4096
    for each in later.parts:
        each.collected_at.seconds = 1
    assert stable(later) == stable(alpha()) != stable(without_bridges())


def test_what_was_is_told(past):
    later = alpha()
    later.memory.free_bytes -= 4096
    add(past, alpha(), START)
    add(past, later, START + HOUR)
    add(past, without_bridges(), START + 2 * HOUR)
    assert past.at("alpha", START - 1) is None
    assert past.at("beta", START) is None
    assert snapshot_of(past.at("alpha", START + HOUR - 1)) == alpha()
    assert snapshot_of(past.at("alpha", START + HOUR)) == later
    assert snapshot_of(past.at("alpha", START + 9 * HOUR)) == without_bridges()
    first, second = past.runs("alpha", 0, START + 9 * HOUR)
    assert (first.since_seconds, first.until_seconds) == (START, START + HOUR)
    assert second.since_seconds == START + 2 * HOUR
    assert past.runs("alpha", START + HOUR, START + 1.5 * HOUR) == [first]
    assert past.hosts() == ["alpha"]


def test_what_comes_late_is_left_out(past):
    add(past, alpha(), START + HOUR)
    add(past, without_bridges(), START)
    assert len(past.runs("alpha", 0, START + HOUR)) == 1


def test_equal_parts_are_kept_once(past):
    add(past, alpha(), START, "h0")
    one = past.size_bytes()
    past.add([moment_of(f"h{index}", START, alpha()) for index in range(1, 20)])
    # Of each other host a row with its numbers.
    assert past.size_bytes() < 4 * one


def test_the_oldest_is_forgotten(past):
    for index in range(50):
        add(past, alpha() if index % 2 else without_bridges(), START + index * HOUR)
    add(past, alpha(), START, "gone")
    now = START + 50 * HOUR
    past.forget(now, 25.5 * HOUR, 10**12)
    runs = past.runs("alpha", 0, now)
    assert runs[0].since_seconds == START + 25 * HOUR
    assert len(runs) == 25
    assert past.hosts() == ["alpha"]
    enough = past.size_bytes() * 3 // 4
    past.forget(now, 25.5 * HOUR, enough)
    assert past.size_bytes() <= enough
    assert snapshot_of(past.at("alpha", now)) == alpha()
    assert 0 < len(past.runs("alpha", 0, now)) < 25
    past.forget(now + 1000 * HOUR, HOUR, 10**12)
    assert past.size_bytes() == 0


def test_tables_are_what_the_steps_make(url, store, past):
    past.hosts()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        options = {"include_name": lambda name, *_: name != "vmfit_revision"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


# As the first version made it.
_FIRST_VERSION = """
CREATE TABLE vmfit_schema (id INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (id));
CREATE TABLE vmfit_checks (id VARCHAR(16) NOT NULL, checked_at_us BIGINT NOT NULL,
 vm_name TEXT NOT NULL, vm_uuid TEXT NOT NULL, source_host TEXT NOT NULL,
 destination_host TEXT NOT NULL, options_digest VARCHAR(64) NOT NULL, policy TEXT NOT NULL,
 answer INTEGER NOT NULL, probability FLOAT, acceptable BOOLEAN NOT NULL,
 is_whole BOOLEAN NOT NULL, findings JSON NOT NULL, PRIMARY KEY (id));
CREATE INDEX vmfit_checks_by_time ON vmfit_checks (checked_at_us);
CREATE TABLE vmfit_outcomes (check_id VARCHAR(16) NOT NULL, reported_at_us BIGINT NOT NULL,
 outcome INTEGER NOT NULL, text TEXT NOT NULL, causes JSON NOT NULL, PRIMARY KEY (check_id),
 FOREIGN KEY(check_id) REFERENCES vmfit_checks (id) ON DELETE CASCADE);
INSERT INTO vmfit_schema VALUES (1, 1);
INSERT INTO vmfit_checks VALUES ('00000000000000aa', 1700000000000000, 'web', '', 'alpha', 'beta',
 '', 'default', 5, 0.9, true, true, '{"net.ports": [5, 1]}');
INSERT INTO vmfit_outcomes VALUES ('00000000000000aa', 1700000000000001, 1, '', '[]');
"""


def test_a_store_of_the_first_version_is_upgraded(url):
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.executescript(_FIRST_VERSION.replace("true", "1"))
        connection.close()
    else:
        import psycopg  # noqa: PLC0415

        with psycopg.connect(url) as connection:
            connection.execute(_FIRST_VERSION)
    for _ in range(2):
        store = Store(url)
        ((check, _),) = store.outcomes()
        assert (check.id, check.vm_name) == ("00000000000000aa", "web")
        assert PastStore(store).hosts() == []
        store.close()


def test_a_damaged_body_is_named(past, store):
    add(past, alpha(), START)
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE vmfit_bodies SET body = substr(body, 3)")
    with pytest.raises(StoreError, match=r"what is kept of '.*' is damaged"):
        past.at("alpha", START)


@pytest.fixture
def agent(tmp_path):
    with FakeAgent(tmp_path / "a", alpha(), []) as agent:
        yield agent


def recording(agent, store):
    inventory = parse_inventory({"alpha": {"address": agent.address}})
    kept = PastStore(store)
    return Engine(inventory, past=Past(kept, Recorder(kept, EVERYTHING)), agent_timeout_seconds=20)


def ask(engine, **fields):
    request = GetHostSnapshotRequest(host={"name": "alpha"}, **fields)
    return engine.host_snapshot(request).snapshot


def test_what_agents_say_is_recorded(agent, tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    before = int(time.time()) - 1
    with recording(agent, Store(url)) as engine:
        ask(engine)
    agent.snapshot.network.ClearField("interfaces")
    next(each for each in agent.snapshot.parts if each.name == "network").digest = "1" * 32
    between = time.time()
    with recording(agent, Store(url)) as engine:
        ask(engine)
    with recording(agent, Store(url)) as engine:
        past = ask(engine, at={"seconds": int(between), "nanos": int(between % 1 * 1e9)})
        assert past.network == alpha().network
        host = {"name": "alpha", "at": {"seconds": before}}
        with pytest.raises(EngineError) as caught:
            ask(engine, at={"seconds": before})
        assert caught.value.code is grpc.StatusCode.NOT_FOUND
        assert "nothing is kept of host alpha" in str(caught.value)
        host["at"] = {"seconds": int(between), "nanos": int(between % 1 * 1e9)}
        found = engine.diff(DiffRequest(left=host, right={"name": "alpha"}))
        assert {each.path.partition("[")[0] for each in found.differences} == {"network.interfaces"}


def test_a_host_given_by_content_has_no_other_times(agent, tmp_path):
    with recording(agent, Store(f"sqlite:///{tmp_path / 'store.db'}")) as engine:
        host = {"snapshot": alpha(), "at": {"seconds": 1}}
        with pytest.raises(EngineError) as caught:
            engine.diff(DiffRequest(left=host, right=host))
        assert caught.value.field == "left.at"


def test_a_check_of_then(agent, tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = Store(url)
    kept = PastStore(store)
    add(kept, alpha(), START, "alpha")
    add(kept, without_bridges(), START, "beta")
    store.close()
    inventory = parse_inventory({"alpha": {"address": agent.address}, "beta": {}})
    with Engine(inventory, past=Past(PastStore(Store(url)))) as engine:
        request = CheckRequest(
            source={"name": "alpha"},
            destination={"name": "beta"},
            vm={"description": {"name": "web", "nics": [{"bridge": "br0"}]}},
            facts=["net.bridge"],
            at={"seconds": int(START) + 5},
        )
        answer = engine.check(request)
        assert answer.subject.evaluated_at.seconds == START + 5
        assert not answer.subject.errors


@pytest.mark.parametrize("trouble", ["directory", "locked", "other"])
def test_a_store_in_trouble_costs_no_answer(agent, tmp_path, trouble, caplog):
    path = tmp_path / "store.db"
    if trouble == "directory":
        path.mkdir()
    elif trouble == "other":
        Path(path).write_text("Lorem ipsum " * 500)
    else:
        holder = sqlite3.connect(path)
        holder.execute("BEGIN EXCLUSIVE")
    with recording(agent, Store(f"sqlite:///{path}")) as engine:
        assert ask(engine).HasField("cpu")
        deadline = time.monotonic() + 60
        while engine.health().is_recording and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not engine.health().is_recording
        assert ask(engine).HasField("cpu")
    assert caplog.text.count("what hosts say is not recorded") == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-22T14:03Z", 1_795_356_180),
        ("2026-11-22T14:03:30+01:00", 1_795_352_610),
        ("2026-11-22", 1_795_309_200),
    ],
)
def test_times(text, seconds, monkeypatch):
    monkeypatch.setenv("TZ", "EST1")
    time.tzset()
    try:
        found = parse_time(text)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.seconds == seconds


def test_times_ago():
    assert abs(parse_time("3d").seconds - (time.time() - 3 * 86_400)) < 60


@pytest.mark.parametrize("text", ["", "yesterday", "3y", "2026-13-01", "9" * 30 + "d", "1-1-1"])
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match="is no time such as 2026-11-22"):
        parse_time(text)


def test_hosts_as_they_were():
    assert host_reference("alpha@2h").name == "alpha"
    assert host_reference("alpha.example:1@2h").address == "alpha.example:1"
    assert host_reference("unix:/run/a@b.sock@2h").address == "unix:/run/a@b.sock"
    with pytest.raises(click.ClickException, match="is no time"):
        host_reference("alpha@noon")
    assert not host_reference("alpha").HasField("at")
    assert host_reference("unix:/run/a@b.sock").address == "unix:/run/a@b.sock"


def test_snapshots_of_the_past_on_the_command_line(tmp_path, capsys):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = Store(url)
    kept = PastStore(store)
    now = time.time()
    add(kept, without_bridges(), now - 5 * HOUR)
    add(kept, alpha(), now - 2 * HOUR)
    store.close()
    (tmp_path / "c.toml").write_text(f'store = "{url}"\n[hosts.alpha]\naddress = "unix:/none"\n')
    settings = ["--config", str(tmp_path / "c.toml")]
    then = tmp_path / "then.json"
    assert run([*settings, "snapshot", "alpha@3h", "--stable", "--file", str(then)]) == 0
    assert read_snapshot(then) == stable(without_bridges())
    assert run([*settings, "diff", "alpha@3h", "alpha@1h"]) == 1
    assert "network.interfaces" in capsys.readouterr().out
    assert run([*settings, "snapshot", "alpha@1d"]) == 3
    assert "HOST: at: nothing is kept of host alpha" in capsys.readouterr().err
