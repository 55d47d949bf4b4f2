"""Snapshot files: both forms, and everything a file can be instead."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_contract import snapshot_file
from vmfit_contract.json_text import to_json
from vmfit_contract.snapshot_file import (
    SnapshotFileError,
    read_message,
    read_snapshot,
    write_snapshot,
)


def _snapshot():
    snapshot = Snapshot(schema_revision=1, agent_version="0.1.0")
    snapshot.taken_at.FromSeconds(1_700_000_000)
    snapshot.identity.hostname = "alpha"
    snapshot.memory.available_bytes = 2**40
    snapshot.parts.append(PartStatus(name="identity", digest="00"))
    for name in ("zeta", "alpha", "mid"):
        snapshot.attributes.values[name].update({"b": 1, "a": [True, None]})
        snapshot.security.qemu_conf[name] = name
    return snapshot


@pytest.mark.parametrize("form", ["json", "binary"])
def test_round_trip(tmp_path, form):
    path = tmp_path / "host"
    write_snapshot(_snapshot(), path, form)
    assert read_snapshot(path) == _snapshot()
    assert [each.name for each in tmp_path.iterdir()] == ["host"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"hello, world", "not a snapshot"),
        (b"\x7fELF\x02\x01\x01\x00", "not a snapshot"),
        (b"<domain type='kvm'/>", "not a snapshot"),
        (b"{}", "no parts"),
        (b"[]", "not a snapshot"),
        (b'{"identity": ', "not a snapshot"),
        (b'{"identity": {"hostname": 5}}', "hostname"),
        (b'{"cpu": {"features": "avx"}}', "features"),
        (b'{"identity": {}, "identity": {}}', "identity"),
        (b'{"name": "vm", "uuid": "x"}', "not a snapshot"),
        (b'{"identity": {"hostname": "\xff"}}', "UTF-8"),
        (b'{"schemaRevision": 3, "identity": {}}', "schema revision 3"),
        (b'{"identity":' + b'{"a":' * 100_000 + b"}" * 100_001, "not a snapshot|nested"),
        (b'{"schemaRevision": ' + b"9" * 5000 + b"}", "not a snapshot"),
    ],
)
def test_bad_file(tmp_path, content, word):
    path = tmp_path / "host.json"
    path.write_bytes(content)
    with pytest.raises(SnapshotFileError, match=word) as caught:
        read_snapshot(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert len(text) < 500 + len(str(path))


def test_every_truncation_of_the_binary_form_is_found(tmp_path):
    snapshot = _snapshot()
    snapshot.ClearField("attributes")
    snapshot.ClearField("security")
    names = ("identity", "memory")
    del snapshot.parts[:]
    snapshot.parts.extend(PartStatus(name=name, digest="00") for name in names)
    whole = snapshot.SerializeToString(deterministic=True)
    path = tmp_path / "host.pb"
    # Cut inside the list of parts, a file may look like an older agent's; after it, never.
    statuses = whole.index(b"memory") + len(b"memory\x22\x0200")
    for length in range(statuses, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(SnapshotFileError, match=r"not a snapshot|cut short"):
            read_snapshot(path)
    path.write_bytes(whole)
    assert read_snapshot(path) == snapshot


def test_every_truncation_of_the_json_form_is_found(tmp_path):
    path = tmp_path / "host.json"
    whole = to_json(_snapshot()).rstrip()
    for length in range(0, len(whole), 7):
        path.write_text(whole[:length])
        with pytest.raises(SnapshotFileError):
            read_snapshot(path)


def test_new_fields_of_the_same_revision(tmp_path, caplog):
    path = tmp_path / "host"
    path.write_text('{"identity": {"hostname": "a", "colour": "red"}, "shape": [1]}')
    assert read_snapshot(path) == Snapshot(identity={"hostname": "a"})
    assert "colour" in caplog.text
    assert caplog.text.count("\n") == 1
    binary = Snapshot(identity={"hostname": "a"}).SerializeToString() + b"\xf2\x3f\x03new"
    path.write_bytes(binary)
    assert read_snapshot(path).SerializeToString() == binary


def test_oversized_and_missing(tmp_path):
    path = tmp_path / "host"
    path.write_bytes(b" " * 101)
    with pytest.raises(SnapshotFileError, match="larger than 100 bytes"):
        read_snapshot(path, max_bytes=100)
    with pytest.raises(SnapshotFileError, match="No such file"):
        read_snapshot(tmp_path / "none")
    with pytest.raises(SnapshotFileError, match="directory"):
        read_snapshot(tmp_path)
    with pytest.raises(SnapshotFileError, match="path"):
        read_snapshot(Path("a\0b"))


def test_vm_file(tmp_path):
    vm = Vm(name="guest", disks=[{"target": "vda"}])
    path = tmp_path / "vm"
    path.write_text(to_json(vm))
    assert read_message(path, Vm) == vm
    path.write_bytes(vm.SerializeToString())
    assert read_message(path, Vm) == vm
    path.write_text('{"hostname": "x"}')
    with pytest.raises(SnapshotFileError, match="not a vm"):
        read_message(path, Vm)


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "host.json"
    write_snapshot(_snapshot(), path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot_file.os, "fsync", full)
    with pytest.raises(SnapshotFileError, match=r"host\.json: cannot be written: No space left"):
        write_snapshot(Snapshot(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_writes_through_links_and_to_devices(tmp_path):
    path = tmp_path / "real"
    link = tmp_path / "link"
    link.symlink_to(path)
    write_snapshot(_snapshot(), link)
    assert link.is_symlink()
    assert read_snapshot(path) == _snapshot()
    write_snapshot(_snapshot(), Path(os.devnull))
    with pytest.raises(SnapshotFileError, match="/dev/full: cannot be written: No space left"):
        write_snapshot(_snapshot(), Path("/dev/full"))
    with pytest.raises(SnapshotFileError, match="cannot be written"):
        write_snapshot(_snapshot(), tmp_path / "none" / "host")


_WHOLE = _snapshot().SerializeToString(deterministic=True)
_TEXT = to_json(_snapshot()).encode()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.builds(
        lambda whole, at, new: whole[:at] + new + whole[at + len(new) :],
        st.sampled_from([_WHOLE, _TEXT]),
        st.integers(0, 300),
        st.binary(min_size=1, max_size=4),
    )
)
def test_any_content_is_read_or_refused_in_one_line(tmp_path, content):
    path = tmp_path / "host"
    path.write_bytes(content)
    refusal = None
    try:
        read_snapshot(path)
    except SnapshotFileError as error:
        refusal = str(error)
    assert refusal is None or refusal.startswith(f"{path}: ")
    assert refusal is None or "\n" not in refusal
