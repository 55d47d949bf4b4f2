"""Migrations that were reported, by the command line: hosts and what they would say are files."""

import json
import os
import shlex
from pathlib import Path

import pytest

from vmfit_comparator.cli import run

REPORTS = Path(
    os.environ.get("VMFIT_REPORTS", Path(__file__).parents[3] / "../shared/reports")
).resolve()
# These are told by the incoming VM and by the probes alone.
_TOLD_BY_STAND_INS = {
    "copy-inc-precreate": ("storage.copy", "ANSWER_NO"),
    "nfs-other-uid": ("storage.permissions", "ANSWER_PROBABLY_NO"),
    "two-nics-vhost-socket-missing": ("dev.vhost", "ANSWER_NO"),
}


def folders():
    found = sorted(REPORTS.glob("*/cmd.txt")) if REPORTS.is_dir() else []
    skipped = pytest.mark.skip(reason="reported failures are not there: set VMFIT_REPORTS")
    return [pytest.param(each.parent, id=each.parent.name) for each in found] or [
        pytest.param(None, marks=skipped)
    ]


@pytest.mark.parametrize("folder", folders())
def test_a_reported_migration_is_checked_whole(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    words = shlex.split(Path("cmd.txt").read_text())[1:]
    split = words.index("--") if "--" in words else len(words)
    stand_ins = []
    for name in ("incoming", "probes"):
        if Path(f"{name}.json").exists():
            stand_ins += [f"--{name}", f"{name}.json"]
    status = run([*words[:split], *stand_ins, "-o", "json", *words[split:]])
    captured = capsys.readouterr()
    assert status in (0, 1), captured.err
    response = json.loads(captured.out)
    assert not response["subject"].get("errors")
    found = {each["fact"]: each for each in response["findings"]}
    assert not [each["fact"] for each in found.values() if each.get("error")]
    if folder.name in _TOLD_BY_STAND_INS:
        fact, answer = _TOLD_BY_STAND_INS[folder.name]
        assert found[fact]["answer"] == answer, found[fact]["reason"]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("option", ["--incoming", "--probes"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("", "empty"),
        ('{"disks": 5}', "disks"),
        ("[" * 100_000, "not a"),
        ("\x7fELF", "not a"),
    ],
)
def test_files_that_cannot_be_used(capsys, option, content, words):
    if content is not None:
        Path("file.json").write_text(content)
    command = ["check", "--vm", "vm.json", "--from", "alpha.json", "--to", "beta.binpb"]
    assert run([*command, option, "file.json"]) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"vmfit: error: {option}: file.json: ")
    assert words in error
    assert error.count("\n") == 1
