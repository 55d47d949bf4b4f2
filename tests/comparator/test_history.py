"""What changed on hosts and when, and what that turned."""

import time
from datetime import UTC, datetime
from random import Random

import grpc
import pytest
from google.protobuf import text_format

from tests.comparator.healthy import SOURCE
from vmfit.v1.comparator_service_pb2 import (
    CheckRequest,
    DifferenceKind,
    FindTurnRequest,
    GetHostHistoryRequest,
)
from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.cli import run
from vmfit_comparator.engine import Engine
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.hosts.inventory import parse_inventory
from vmfit_comparator.past.moments import moment_of
from vmfit_comparator.past.past import Past
from vmfit_comparator.server import ComparatorServer
from vmfit_comparator.store.past_store import PastStore
from vmfit_comparator.store.store import Store
from vmfit_contract.address import Address
from vmfit_contract.snapshot_file import write_snapshot

HOUR = 3600.0
START = 1_700_000_000.0
WEB = Vm(name="web", uuid="11111111-2222-3333-4444-555555555555")
WEB.nics.add(mac="52:54:00:00:00:01", type="bridge", bridge="br0")
WEB.memory.maximum_bytes = WEB.memory.current_bytes = 1 << 30


def host(*, bridge=True, release="", free_bytes=None, vms=()):
    snapshot = text_format.Parse(SOURCE, Snapshot())
    if not bridge:
        kept = [each for each in snapshot.network.interfaces if each.name != "br0"]
        del snapshot.network.interfaces[:]
        snapshot.network.interfaces.extend(kept)
    if release:
        snapshot.kernel.release = release
    if free_bytes is not None:
        snapshot.memory.free_bytes = snapshot.memory.available_bytes = free_bytes
        for each in snapshot.numa.nodes:
            each.free_bytes = free_bytes // 2
    del snapshot.domains.vms[:]
    snapshot.domains.vms.extend(vms)
    return snapshot


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def kept(url):
    store = Store(url)
    yield PastStore(store)
    store.close()


@pytest.fixture
def engine(kept):
    inventory = parse_inventory({name: {"address": "unix:/none"} for name in ("alpha", "beta")})
    with Engine(inventory, past=Past(kept), agent_timeout_seconds=200) as engine:
        yield engine


def add(kept, name, hours, snapshot):
    kept.add([moment_of(name, START + hours * HOUR, snapshot)])


def history(engine, **fields):
    return engine.host_history(GetHostHistoryRequest(host={"name": "alpha"}, **fields))


def turn(engine, *, vm=None, facts=(), since=0):
    check = CheckRequest(
        source={"name": "alpha"},
        destination={"name": "beta"},
        vm={"description": vm} if vm is not None else {"name_or_uuid": "web"},
        facts=facts,
    )
    since = {"seconds": int(START + since * HOUR)} if since else None
    until = {"seconds": int(START + 1000 * HOUR)}
    return engine.find_turn(FindTurnRequest(check=check, since=since, until=until), 200)


def hours(moment):
    return (moment.ToNanoseconds() / 1e9 - START) / HOUR


def test_what_changed_and_when(engine, kept):
    add(kept, "alpha", 0, host())
    add(kept, "alpha", 1, host(free_bytes=4096))
    add(kept, "alpha", 2, host(vms=[WEB]))
    add(kept, "alpha", 5, host(vms=[WEB], bridge=False))
    found = history(engine)
    came, went = found.changes
    assert (hours(came.at), hours(came.seen_before)) == (2, 1)
    assert (hours(went.at), hours(went.seen_before)) == (5, 2)
    (vm,) = came.differences
    assert vm.path.startswith("domains.vms[")
    assert vm.kind == DifferenceKind.DIFFERENCE_KIND_ONLY_RIGHT
    assert [each.path for each in went.differences] == ["network.interfaces[br0]"]
    assert (hours(found.known_since), hours(found.seen_until)) == (0, 5)
    assert not found.has_earlier


def test_what_is_asked_for_of_it(engine, kept):
    for hour in range(6):
        add(kept, "alpha", hour, host(bridge=hour != 3, release=f"6.1.0-{hour}"))
    found = history(engine, parts=["network"])
    assert [hours(each.at) for each in found.changes] == [3, 4]
    found = history(engine, limit=2)
    assert [hours(each.at) for each in found.changes] == [4, 5]
    assert found.has_earlier
    since, until = ({"seconds": int(START + each * HOUR)} for each in (1, 3))
    found = history(engine, since=since, until=until)
    assert [hours(each.at) for each in found.changes] == [2, 3]


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({}, grpc.StatusCode.NOT_FOUND, "host: nothing is kept of host alpha until"),
        (
            {"since": {"seconds": 9}, "until": {"seconds": 8}},
            grpc.StatusCode.INVALID_ARGUMENT,
            "since: is later than until",
        ),
        (
            {"since": {"seconds": 250_000_000_001}},
            grpc.StatusCode.INVALID_ARGUMENT,
            "since: no time",
        ),
        ({"parts": ["cpuu"]}, grpc.StatusCode.INVALID_ARGUMENT, r"parts\[0\]: no such part"),
    ],
)
def test_what_cannot_be_told_is_named(engine, fields, code, message):
    with pytest.raises(EngineError, match=message) as caught:
        history(engine, **fields)
    assert caught.value.code is code


def test_without_a_past():
    with Engine() as engine, pytest.raises(EngineError, match="snapshots are not kept"):
        history(engine)


def test_since_when_a_bridge_is_missing(engine, kept):
    add(kept, "alpha", 0, host(vms=[WEB]))
    add(kept, "beta", 0, host())
    add(kept, "beta", 3, host(release="6.1.0-9"))
    add(kept, "beta", 7, host(release="6.1.0-9", bridge=False))
    add(kept, "beta", 9, host(release="6.1.0-10", bridge=False))
    found = turn(engine, facts=["net.bridge"])
    assert (found.subject.vm_name, found.subject.destination_host) == ("web", "beta")
    assert found.verdict.answer == Answer.ANSWER_NO
    assert found.verdict_before.answer == Answer.ANSWER_YES
    assert (hours(found.turn.at), hours(found.turn.seen_before)) == (7, 3)
    (fact,) = found.facts
    assert (fact.finding.answer, fact.before.answer) == (Answer.ANSWER_NO, Answer.ANSWER_YES)
    assert hours(fact.turn.at) == 7
    (change,) = fact.turn.differences
    assert (change.host, change.difference.path) == ("beta", "network.interfaces[br0]")
    assert not found.is_incomplete


def test_blockers_are_told_each_by_itself(engine, kept):
    add(kept, "alpha", 0, host(vms=[WEB]))
    add(kept, "beta", 0, host())
    add(kept, "beta", 2, host(free_bytes=4096))
    add(kept, "beta", 4, host(free_bytes=4096, bridge=False))
    by_fact = {each.finding.fact: each for each in turn(engine).facts}
    assert hours(by_fact["net.bridge"].turn.at) == 4
    assert hours(by_fact["mem.free"].turn.at) == 2
    paths = {each.difference.path for each in by_fact["mem.free"].turn.differences}
    assert any(each.startswith("memory.") for each in paths)


def test_what_is_so_at_all_times(engine, kept):
    add(kept, "alpha", 0, host(vms=[WEB]))
    add(kept, "beta", 1, host(bridge=False))
    found = turn(engine, facts=["net.bridge"])
    assert not found.HasField("turn")
    assert not found.facts[0].HasField("turn")
    assert hours(found.looked_back_to) == 1


def test_since_when_it_works_tells_what_blocked(engine, kept):
    add(kept, "alpha", 0, host(vms=[WEB]))
    add(kept, "beta", 0, host(bridge=False))
    add(kept, "beta", 6, host())
    found = turn(engine, facts=["net.bridge"])
    assert found.verdict.answer == Answer.ANSWER_YES
    assert hours(found.turn.at) == 6


def test_a_vm_that_came_later_is_taken_as_it_came(engine, kept):
    add(kept, "alpha", 0, host())
    add(kept, "alpha", 5, host(vms=[WEB]))
    add(kept, "beta", 0, host())
    add(kept, "beta", 2, host(bridge=False))
    found = turn(engine, facts=["net.bridge"])
    assert hours(found.facts[0].turn.at) == 2


def test_the_last_turn_of_many_is_found(engine, kept):
    """Beside a plain walk over all that was kept."""
    random = Random(7)
    states = [random.random() < 0.5 for _ in range(40)]
    add(kept, "alpha", 0, host(vms=[WEB]))
    for hour, bridge in enumerate(states):
        add(kept, "beta", hour, host(bridge=bridge, release=f"6.1.0-{hour % 3}"))
    expected = next(hour for hour in range(39, 0, -1) if states[hour - 1] != states[39])
    found = turn(engine, facts=["net.bridge"])
    assert hours(found.facts[0].turn.at) == expected


def test_one_host_may_be_a_snapshot_but_not_both(engine, kept):
    add(kept, "beta", 0, host())
    add(kept, "beta", 4, host(bridge=False))
    check = CheckRequest(
        source={"snapshot": host(vms=[WEB])},
        destination={"name": "beta"},
        vm={"name_or_uuid": "web"},
        facts=["net.bridge"],
    )
    assert hours(engine.find_turn(FindTurnRequest(check=check)).turn.at) == 4
    check.destination.snapshot.CopyFrom(host())
    with pytest.raises(EngineError, match=r"check\.destination: neither host is one with a past"):
        engine.find_turn(FindTurnRequest(check=check))
    with pytest.raises(EngineError, match=r"check\.source: names no host that has a past"):
        engine.find_turn(FindTurnRequest())


def test_what_is_forgotten_meanwhile_is_named(engine, kept, monkeypatch):
    add(kept, "alpha", 0, host(vms=[WEB]))
    add(kept, "beta", 0, host())
    monkeypatch.setattr(PastStore, "at", lambda *_: None)
    with pytest.raises(EngineError, match="check: nothing is kept of host alpha any more"):
        turn(engine)


def test_numbers_between_two_changes(engine, kept):
    add(kept, "alpha", 0, host(vms=[WEB]))
    for hour in range(12):
        add(kept, "beta", hour, host(free_bytes=4096 if hour >= 8 else 64 << 30))
    found = turn(engine, facts=["mem.free"])
    assert hours(found.facts[0].turn.at) == pytest.approx(8)
    assert hours(found.facts[0].turn.seen_before) == pytest.approx(7)


def test_on_the_command_line(url, kept, tmp_path, capsys):
    now = time.time()
    for ago, alpha, beta in (
        (9, host(vms=[WEB]), host()),
        (5, host(vms=[WEB]), host(bridge=False)),
    ):
        at = now - ago * HOUR
        kept.add([moment_of("alpha", at, alpha), moment_of("beta", at, beta)])
    (tmp_path / "c.toml").write_text(
        f'store = "{url}"\n[hosts.alpha]\naddress = "unix:/a"\n[hosts.beta]\naddress = "unix:/b"\n'
    )
    settings = ["--config", str(tmp_path / "c.toml")]
    assert run([*settings, "history", "beta", "--since", "1d"]) == 0
    out = capsys.readouterr().out
    when = datetime.fromtimestamp(now - 5 * HOUR, UTC).astimezone()
    assert when.strftime("%Y-%m-%d %H:%M") in out
    assert "network.interfaces[br0]: gone" in out
    asked = ["when", "web", "--from", "alpha", "--to", "beta", "--fact", "net.bridge"]
    assert run([*settings, *asked]) == 1
    out = capsys.readouterr().out
    assert f"since {when.strftime('%Y-%m-%d %H:%M')}" in out
    assert "on beta:" in out
    assert "network.interfaces[br0]: gone" in out
    assert run([*settings, *asked, "-o", "json"]) == 1
    assert '"verdictBefore"' in capsys.readouterr().out
    assert run([*settings, "history", "gamma"]) == 3
    assert "HOST: nothing is kept of host gamma" in capsys.readouterr().err
    assert run([*settings, "history", "beta", "--since", "noon"]) == 3
    assert "--since: 'noon' is no time" in capsys.readouterr().err
    assert run([*settings, "when", "wob", *asked[2:]]) == 3
    assert "no domain 'wob'" in capsys.readouterr().err


def test_a_running_comparator_tells_it(engine, kept, tmp_path, capsys):
    add(kept, "alpha", 0, host(vms=[WEB]))
    add(kept, "beta", 0, host())
    add(kept, "beta", 7, host(bridge=False))
    address = Address(path=str(tmp_path / "comparator"))
    server = ComparatorServer(engine, [address])
    server.start()
    try:
        asked = ["--server", str(address), "--timeout", "200"]
        assert run(["history", "beta", *asked]) == 0
        assert "network.interfaces[br0]: gone" in capsys.readouterr().out
        words = ["when", "web", "--from", "alpha", "--to", "beta", "--fact", "net.bridge"]
        assert run([*words, *asked]) == 1
        assert "network.interfaces[br0]: gone" in capsys.readouterr().out
        assert run(["history", "gamma", *asked]) == 3
        assert "HOST: nothing is kept of host gamma" in capsys.readouterr().err
    finally:
        server.stop()


def diffed(tmp_path, capsys, vms, *options):
    for name, snapshot in (("a", host(vms=vms)), ("b", host(bridge=False, release="6.1.0-9"))):
        write_snapshot(snapshot, tmp_path / f"{name}.json")
    files = [str(tmp_path / f"{name}.json") for name in "ab"]
    status = run(["diff", *files, "-o", "name", *options])
    return status, capsys.readouterr()


def test_what_differs_and_matters_to_a_vm(tmp_path, capsys):
    bare = Vm(name="bare")
    status, told = diffed(tmp_path, capsys, [WEB, bare])
    assert status == 1
    bridge = "network.interfaces[br0]"
    assert bridge in told.out.split()
    status, told = diffed(tmp_path, capsys, [WEB, bare], "--vm", "web", "--fact", "net.bridge")
    assert (status, told.out.split()) == (1, [bridge])
    status, told = diffed(tmp_path, capsys, [WEB, bare], "--vm", "bare", "--fact", "net.bridge")
    assert (status, told.out) == (0, "")
    status, told = diffed(tmp_path, capsys, [WEB, bare], "--vm", "wob")
    assert status == 3
    assert "no domain 'wob'" in told.err
