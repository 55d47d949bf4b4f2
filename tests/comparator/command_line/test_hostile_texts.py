"""No text of a host, a file or a server reaches the terminal as it is, whatever the command."""

import logging
import sys
from pathlib import Path

import pytest
import yaml

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from vmfit_comparator import cli
from vmfit_contract.command_line.program import ToldFormatter
from vmfit_contract.snapshot_file import write_snapshot

# Colours (ESC and C1), a title, the direction of writing, no width, a bell, a line of its own.
HOSTILE = "\x1b[31m\x9b2J\x1b]0;owned\a\u202e\u2066\u200b\r\n"


def poison(message):
    """Append to every text that is set in a message, and in those within it."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for key in list(value):
                if isinstance(value[key], str):
                    value[key] += HOSTILE
        elif field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                poison(each)
        elif field.cpp_type == field.CPPTYPE_STRING:
            if field.is_repeated:
                value[:] = [each + HOSTILE for each in value]
            else:
                setattr(message, field.name, value + HOSTILE)


@pytest.fixture
def poisoned(tmp_path, monkeypatch):
    """The name of the VM; the hosts are alpha.json and beta.json, and differ."""
    monkeypatch.chdir(tmp_path)
    source, destination = source_snapshot(), destination_snapshot()
    source.domains.vms.append(vm())
    destination.network.ClearField("interfaces")
    for snapshot, name in ((source, "alpha.json"), (destination, "beta.json")):
        for status in snapshot.parts:
            if status.name == "security":
                snapshot.ClearField("security")
                status.error = "refused"
        poison(snapshot)
        for status in snapshot.parts:
            status.name = status.name.removesuffix(HOSTILE)
        write_snapshot(snapshot, Path(name))
    Path("hosts.yaml").write_text("hosts: [{name: alpha, address: 'unix:/nonexistent'}]\n")
    yield source.domains.vms[0].name
    logging.getLogger().handlers.clear()


COMMANDS = [
    ["check", "VM", "--from", "alpha.json", "--to", "beta.json"],
    ["check", "VM", "--from", "alpha.json", "--to", "beta.json", "--explain", "--all"],
    ["check", "other", "--from", "alpha.json", "--to", "beta.json"],
    ["diff", "alpha.json", "beta.json", "--volatile"],
    ["baseline", "alpha.json", "beta.json"],
    ["baseline", "alpha.json", "alpha.json"],
    ["calibration", "--store", "sqlite:///store.sqlite"],
    ["hosts"],
    ["facts"],
    ["outcome", f"no{HOSTILE}", "refused", "--store", "sqlite:///store.sqlite"],
    ["check", f"x{HOSTILE}", "--from", f"{HOSTILE}.json", "--to", "beta.json"],
]


@pytest.mark.parametrize("form", ["table", "json", "yaml"])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:4])[:40].encode())
def test_what_is_printed_is_printable(poisoned, capsys, words, form):
    words = [poisoned if word == "VM" else word for word in words]
    if words[0] != "outcome":
        words = [*words, "-o", form]
    status = cli.run(words)
    printed = capsys.readouterr()
    assert status in (0, 1, 2, 3)
    for text in (printed.out, printed.err):
        assert [line for line in text.split("\n") if not line.isprintable()] == []
    assert "Traceback" not in printed.err
    assert "owned" in printed.out + printed.err or words[0] in ("calibration", "hosts", "facts")
    if form == "yaml" and printed.out and words[0] == "diff":
        assert any(HOSTILE in each["left"] for each in yaml.safe_load(printed.out)["differences"])


def test_log_records_are_printable(capsys):
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ToldFormatter("vmfit", str))
    record = logging.LogRecord("x", logging.WARNING, "f", 1, f"a{HOSTILE}b", (), None)
    handler.emit(record)
    [line] = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert line.startswith("vmfit: warning: a")
