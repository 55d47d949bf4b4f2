"""Checks that are recorded, outcomes and calibration: through the command and over gRPC."""

import json
import os
import re
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
import yaml
from google.protobuf import json_format

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from vmfit.v1 import calibration_pb2 as outcomes
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.cli import run
from vmfit_comparator.engine import Engine
from vmfit_comparator.outcomes.history import History
from vmfit_comparator.server import ComparatorServer
from vmfit_comparator.store import database
from vmfit_comparator.store.store import Store
from vmfit_contract.address import Address
from vmfit_contract.channel import connect
from vmfit_contract.errors import describe
from vmfit_contract.snapshot_file import write_snapshot

VMFIT = Path(sys.executable).with_name("vmfit")
NAME = vm().name
STORE = "sqlite:///store.db"
MIGRATED = outcomes.MigrationOutcome.MIGRATION_OUTCOME_MIGRATED
REFUSED = outcomes.MigrationOutcome.MIGRATION_OUTCOME_REFUSED


@pytest.fixture(autouse=True)
def _files(monkeypatch, tmp_path):
    """Two hosts that fit and one that does not, as files of the working directory."""
    for name in os.environ:
        if name.startswith("VMFIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr("vmfit_comparator.settings.DEFAULT_PATH", tmp_path / "none.toml")
    monkeypatch.chdir(tmp_path)
    source, destination, poor = source_snapshot(), destination_snapshot(), destination_snapshot()
    source.domains.vms.append(vm())
    for capabilities in poor.hypervisor.connections[0].domain_capabilities:
        capabilities.host_model.features.remove("avx2")
    write_snapshot(source, Path("alpha.json"))
    write_snapshot(destination, Path("beta.json"))
    write_snapshot(poor, Path("poor.json"))


@pytest.fixture
def stub(tmp_path):
    history = History(Store(STORE))
    with Engine(history=history) as engine:
        server = ComparatorServer(engine, [Address(path=str(tmp_path / "comparator"))])
        server.start()
        with connect(server.addresses[0]) as channel:
            yield ComparatorStub(channel)
        server.stop(0)


@pytest.fixture
def server(stub, tmp_path):
    return f"unix:{tmp_path / 'comparator'}"


def checked(capsys, *arguments, destination="beta.json", store=STORE):
    """Check with a store; return the response."""
    words = ["check", NAME, "--from", "alpha.json", "--to", destination, "-o", "json"]
    run([*words, *(["--store", store] if store else []), *arguments])
    return json_format.Parse(capsys.readouterr().out, messages.CheckResponse())


def vmfit_check(**keywords):
    arguments = ["check", NAME, "--from", "alpha.json", "--to", "beta.json", "-o", "json"]
    return subprocess.run(
        [VMFIT, *arguments, "--store", STORE],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **keywords,
    )


def check_request(destination="beta.json"):
    def snapshot(path):
        return {"snapshot": json_format.Parse(Path(path).read_text(), Snapshot())}

    return messages.CheckRequest(
        source=snapshot("alpha.json"),
        destination=snapshot(destination),
        vm={"name_or_uuid": NAME},
    )


def test_only_a_store_gives_ids(capsys):
    assert checked(capsys, store=None).subject.check_id == ""
    assert not Path("store.db").exists()
    first, second = checked(capsys).subject.check_id, checked(capsys).subject.check_id
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert first != second


def test_people_see_the_id(capsys):
    words = ["check", NAME, "--from", "alpha.json", "--to", "beta.json"]
    run([*words, "--store", STORE])
    line = capsys.readouterr().out.splitlines()[-1]
    found = re.fullmatch("tell what comes of it: vmfit (outcome [0-9a-f]{16} migrated)", line)
    assert run([*found[1].split(), "--store", STORE]) == 0
    run(words)
    assert "vmfit outcome" not in capsys.readouterr().out.splitlines()[-1]


def test_where_the_store_is_said(capsys, monkeypatch):
    Path("c.toml").write_text('store = "sqlite:///settings.db"\nstore_checks = 10\n')
    words = ["--config", "c.toml", "check", NAME, "--from", "alpha.json", "--to", "beta.json"]
    run(words)
    assert Path("settings.db").exists()
    monkeypatch.setenv("VMFIT_STORE", "sqlite:///environment.db")
    run(words)
    assert Path("environment.db").exists()
    run([*words, "--store", "sqlite:///flag.db"])
    assert Path("flag.db").exists()
    for _ in range(20):
        run(["--config", "c.toml", "check", *words[3:], "--store", "sqlite:///settings.db"])
    assert Store("sqlite:///settings.db").count_checks() < 15


def test_from_check_to_calibration(capsys):
    good = checked(capsys)
    bad = checked(capsys, destination="poor.json")
    assert run(["outcome", good.subject.check_id, "migrated", "--store", STORE]) == 0
    assert capsys.readouterr().out == "guest, alpha -> beta: migrated; said was PROBABLY_YES\n"
    said = ["refused", "--text", "guest CPU doesn't match", "--cause", "cpu.features"]
    assert run(["outcome", bad.subject.check_id, *said, "--store", STORE]) == 0
    assert capsys.readouterr().out == "guest, alpha -> beta: refused; said was NO\n"
    assert run(["calibration", "--store", STORE, "-o", "json"]) == 0
    response = json_format.Parse(capsys.readouterr().out, outcomes.GetCalibrationResponse())
    assert (response.check_count, response.outcome_count) == (2, 2)
    chance = good.verdict.probability
    assert 0 < chance < 1
    assert response.verdict.brier_score == pytest.approx((1 - chance) ** 2 / 2)
    facts = {each.fact: each for each in response.facts}
    no, yes = facts["cpu.features"].answers
    assert (no.answer, no.came_true_count) == (Answer.ANSWER_NO, 1)
    assert (yes.answer, yes.came_true_count) == (Answer.ANSWER_YES, 1)
    applying = {each.fact for each in good.findings if not each.not_applicable}
    assert set(facts) == applying
    run(["calibration", "--store", STORE, "-o", "yaml"])
    assert yaml.safe_load(capsys.readouterr().out)["outcomeCount"] == "2"


def test_checks_of_some_facts_judge_no_verdict(capsys):
    response = checked(capsys, "--fact", "cpu.features")
    run(["outcome", response.subject.check_id, "refused", "--store", STORE])
    capsys.readouterr()
    run(["calibration", "--store", STORE, "-o", "json"])
    tree = json.loads(capsys.readouterr().out)
    assert "answers" not in tree["verdict"] or not tree["verdict"]["answers"]
    assert [each["fact"] for each in tree["facts"]] == ["cpu.features"]


def test_the_table(capsys):
    assert run(["calibration", "--store", STORE]) == 0
    assert capsys.readouterr().out == "0 of 0 checks have an outcome\n"
    good = checked(capsys)
    run(["outcome", good.subject.check_id, "migrated", "--store", STORE])
    capsys.readouterr()
    assert run(["calibration", "--store", STORE, "--fact", "net.*"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("1 of 1 checks have an outcome\n")
    assert "1 migrated" in text
    assert "the verdict" in text
    assert "net.bridge" in text
    assert "cpu.features" not in text


def test_a_later_report_replaces_the_one_before(capsys):
    response = checked(capsys)
    words = ["outcome", response.subject.check_id]
    run([*words, "migrated", "--store", STORE])
    capsys.readouterr()
    assert run([*words, "broken", "--store", STORE]) == 0
    assert "broken; said was PROBABLY_YES (reported before: migrated)" in capsys.readouterr().out
    run(["calibration", "--store", STORE, "-o", "json"])
    verdict = json.loads(capsys.readouterr().out)["verdict"]
    assert [each["outcomes"] for each in verdict["answers"]] == [
        [{"outcome": "MIGRATION_OUTCOME_BROKEN", "count": "1"}]
    ]


def test_export(capsys):
    response = checked(capsys)
    run(["outcome", response.subject.check_id, "migrated", "--store", STORE])
    capsys.readouterr()
    assert run(["calibration", "--export", "--store", STORE]) == 0
    entries = yaml.safe_load(capsys.readouterr().out)
    unsure = [
        each.fact
        for each in response.findings
        if each.answer == Answer.ANSWER_PROBABLY_YES and each.consequence < 3
    ]
    assert unsure
    assert [(each["fact"], each["came_true"], each["total"]) for each in entries] == [
        (fact, 1, 1) for fact in sorted(unsure)
    ]


def test_a_store_that_cannot_be_opened_gives_no_answer(capsys):
    assert run(["calibration", "--store", "sqlite:///no/store.db"]) == 2
    assert capsys.readouterr().err.endswith("unable to open database file\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["outcome", "0" * 16, "migrated", "--store", STORE], "no check '0000000000000000'"),
        (["outcome", "x" * 999, "migrated", "--store", STORE], "check_id: longer than 256"),
        (["outcome", "0" * 16, "migrated"], "no store is configured"),
        (["outcome", "0" * 16, "vanished", "--store", STORE], "'vanished'"),
        (["calibration"], "no store is configured"),
        (["calibration", "--fact", "cpu.featurs", "--store", STORE], "no such fact: 'cpu.featurs'"),
        (["calibration", "--store", "store.db"], "store: not a URL"),
        (["check", NAME, "--from", "alpha.json", "--to", "beta.json", "--store", "x"], "not a URL"),
    ],
)
def test_what_cannot_be_done_is_one_line(capsys, arguments, message):
    assert run(arguments) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("vmfit: error: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"check_id": "0" * 16}, "NOT_FOUND", "check_id: no check"),
        ({"check_id": "\0" * 16}, "NOT_FOUND", "check_id: no check"),
        ({"outcome": 0}, "INVALID_ARGUMENT", "outcome: must be one of"),
        ({"outcome": 77}, "INVALID_ARGUMENT", "outcome: must be one of"),
        ({"text": "x" * 4097}, "INVALID_ARGUMENT", "text: longer than 4096"),
        ({"causes": ["cpu.features"]}, "INVALID_ARGUMENT", "causes: a migration that worked"),
        (
            {"outcome": REFUSED, "causes": ["cpu.features", "no.fact"]},
            "INVALID_ARGUMENT",
            "causes[1]: 'no.fact' is no fact of the check",
        ),
    ],
)
def test_reports_that_are_refused(stub, fields, code, message):
    check_id = stub.Check(check_request()).subject.check_id
    request = outcomes.ReportOutcomeRequest(**{"check_id": check_id, "outcome": MIGRATED, **fields})
    with pytest.raises(grpc.RpcError) as caught:
        stub.ReportOutcome(request)
    assert caught.value.code().name == code
    assert message in describe(caught.value)


def test_over_grpc(stub, capsys, server):
    check_id = stub.Check(check_request("poor.json")).subject.check_id
    request = outcomes.ReportOutcomeRequest(check_id=check_id, outcome=REFUSED, text="a\0b")
    first = stub.ReportOutcome(request)
    assert (first.vm_name, first.destination_host) == (NAME, "beta")
    assert (first.answer, first.replaced) == (Answer.ANSWER_NO, 0)
    assert stub.ReportOutcome(request).replaced == REFUSED
    response = stub.GetCalibration(outcomes.GetCalibrationRequest(facts=["cpu.*"]))
    assert response.outcome_count == 1
    assert {each.fact.partition(".")[0] for each in response.facts} == {"cpu"}
    # What the command asks a server is the same.
    assert run(["outcome", check_id, "migrated", "--server", server]) == 0
    assert "(reported before: refused)" in capsys.readouterr().out
    assert run(["calibration", "--server", server, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcomeCount"] == "1"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (["[" * 100_000], "facts[0]: longer than 4096 characters"),
        (["[" * 4000], "facts[0]: is longer than 256 characters"),
        (["cpu.*", "*a" * 120], "facts[1]: no such fact: '*a*a"),
        (["*a" * 120 + str(number) for number in range(1000)], "facts[0]: no such fact"),
        (["cpu.*"] * 1001, "facts: more than 1000"),
    ],
)
def test_what_is_wanted_of_the_calibration_has_bounds(stub, facts, message):
    began = time.process_time()
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetCalibration(outcomes.GetCalibrationRequest(facts=facts))
    assert caught.value.code().name == "INVALID_ARGUMENT"
    assert describe(caught.value).startswith(message)
    assert time.process_time() - began < 1


def test_a_ranking_is_not_recorded(stub):
    check = check_request()
    rank = messages.RankRequest(source=check.source, destinations=[check.destination], vm=check.vm)
    assert stub.Rank(rank).checks[0].subject.check_id == ""
    assert Store(STORE).count_checks() == 0


def warned(result):
    """The answer of a check whose store does not work: the same, and one warning."""
    (line,) = result.stderr.splitlines()
    assert line.startswith("vmfit: warning: answers are not recorded: store sqlite:///store.db: ")
    response = json_format.Parse(result.stdout, messages.CheckResponse())
    assert response.subject.check_id == ""
    assert result.returncode == 0
    assert response.verdict.acceptable
    return line


def test_a_locked_store_costs_no_answer(capsys):
    checked(capsys)
    holder = sqlite3.connect("store.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    before = time.monotonic()
    assert "database is locked" in warned(vmfit_check())
    assert time.monotonic() - before < 40
    holder.close()
    assert vmfit_check().stderr == ""


def test_a_full_disk_costs_no_answer(capsys):
    def no_larger_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    warned(vmfit_check(preexec_fn=no_larger_files))


def test_what_is_no_database_costs_no_answer():
    Path("store.db").write_text("Lorem ipsum " * 500)
    assert "not a database" in warned(vmfit_check())


def test_other_tables_cost_no_answer(capsys):
    checked(capsys)
    with sqlite3.connect("store.db") as connection:
        connection.execute("UPDATE vmfit_schema SET version = 7")
    connection.close()
    assert "schema version 7, this vmfit knows 2" in warned(vmfit_check())


def test_a_server_warns_once_and_does_not_wait_again(capsys, caplog, monkeypatch):
    store = Store(STORE)
    with Engine(history=History(store)) as engine:
        assert engine.check(check_request()).subject.check_id
        holder = sqlite3.connect("store.db", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        assert not engine.check(check_request()).subject.check_id
        before = time.monotonic()
        assert not engine.check(check_request()).subject.check_id
        assert time.monotonic() - before < 2
        holder.close()
        monkeypatch.setattr("vmfit_comparator.outcomes.history.time.monotonic", lambda: before + 60)
        assert engine.check(check_request()).subject.check_id
    kept = [each.getMessage() for each in caplog.records]
    assert len(kept) == 2
    assert "database is locked" in kept[0]
    assert kept[1] == "answers are recorded again"


def test_commands_at_the_same_time(capsys):
    arguments = ["check", NAME, "--from", "alpha.json", "--to", "beta.json", "--store", STORE]
    running = [
        subprocess.Popen([VMFIT, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [each.communicate(timeout=60)[1] for each in running] == [b""] * 4
    assert Store(STORE).count_checks() == 4


class Busy:
    """A new database that others are opening: SQLite says so at once, whatever the time-out."""

    def __init__(self, times, code=sqlite3.SQLITE_BUSY):
        self.left, self.code = times, code

    def execute(self, _):
        if self.left:
            self.left -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error


def test_a_database_that_others_make_just_now_is_tried_again(monkeypatch):
    busy = Busy(3)
    database._write_ahead(busy)
    assert not busy.left
    broken = Busy(3, sqlite3.SQLITE_IOERR)
    with pytest.raises(sqlite3.OperationalError):
        database._write_ahead(broken)
    assert broken.left == 2
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0)
    with pytest.raises(sqlite3.OperationalError):
        database._write_ahead(Busy(3))


def test_who_keeps_nothing_pays_nothing():
    code = "import sys, vmfit_comparator.engine; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
