"""No text of a recorded host reaches the terminal as it is, whatever the command."""

import json
import logging

import pytest

from vmfit_agent import cli

HOSTILE = "\x1b[31m\x9b2J\x1b]0;owned\a\u202e\u2066\u200b"


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    folder = root / "libvirt/qemu"
    (folder / "domains").mkdir(parents=True)
    meta = {"uri": "qemu:///system", "driver": "QEMU", "hostname": f"h{HOSTILE}"}
    (folder / "meta.json").write_text(json.dumps(meta))
    (folder / "domains/a.xml").write_text(f"<domain><name>{HOSTILE}")
    (folder / "domains/a.json").write_text("{}")
    other = root / "libvirt/other"
    other.mkdir()
    (other / "meta.json").write_text(
        json.dumps({"uri": f"test:///{HOSTILE}", "error": f"cannot: {HOSTILE}\nfatal"})
    )
    for path, text in {
        "etc/machine-id": HOSTILE,
        "etc/hostname": f"alpha{HOSTILE}\n",
        "proc/self/mountinfo": f"{HOSTILE}\n",
        f"etc/vmfit/attributes.d/{HOSTILE.replace('/', '')}.json": "{}",
        "etc/vmfit/attributes.d/a.json": f"{{{HOSTILE}",
        "etc/libvirt/hooks/qemu.d/x": "exit",
        "sys/devices/system/node/online": HOSTILE,
    }.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (root / "etc/machine-id").chmod(0o644)
    yield root
    logging.getLogger().handlers.clear()


@pytest.mark.parametrize(
    "words",
    [["snapshot"], ["doctor"], ["doctor", "-o", "json"], ["describe", f"a{HOSTILE}"],
     ["-vv", "snapshot"], ["record", "OUT"], ["record", "OUT", "--mask"],
     ["snapshot", "--part", f"{HOSTILE}"]],
)  # fmt: skip
def test_what_is_printed_is_printable(root, tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vmfit_agent.settings.DEFAULT_PATH", tmp_path / "none.toml")
    monkeypatch.setenv("VMFIT_AGENT_ROOT", str(root))
    assert cli.run(words) in (0, 1, 2, 3)
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert [line for line in text.split("\n") if not line.isprintable()] == []
    assert "Traceback" not in printed.err
    assert "owned" in printed.out + printed.err
