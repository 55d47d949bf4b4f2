"""Revisions of the schema: what older and newer ones are understood as."""

import shutil
import subprocess
from pathlib import Path

import pytest

from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit_contract.part_digest import digest
from vmfit_contract.revisions import SCHEMA_REVISION, as_of_revision_1, refusal, upgraded
from vmfit_contract.snapshot_file import SnapshotFileError, read_snapshot

_IMAGES = Path(__file__).parent / "revisions"
_PROTO = Path(__file__).parents[2] / "proto"
_UUID = "a4000000-0000-4000-8000-000000000001"


def revision_1():
    snapshot = Snapshot(schema_revision=1, agent_version="0.0.1")
    snapshot.identity.hostname = "alpha"
    for uri, name in (("qemu:///system", "alpha.example.net"), ("test:///default", "")):
        connection = snapshot.hypervisor.connections.add(uri=uri, driver="QEMU", hostname=name)
        if name:
            connection.host_uuid = _UUID
    snapshot.security.libvirtd_conf.update({"host_uuid": _UUID, "listen_tls": "0"})
    for name in ("identity", "hypervisor", "security"):
        status = PartStatus(name=name, digest=digest(getattr(snapshot, name)))
        snapshot.parts.append(status)
    return snapshot


def test_what_libvirt_calls_the_host_moves_to_the_identity():
    before = revision_1()
    snapshot = upgraded(before)
    system, test = snapshot.identity.libvirt_identities
    assert (system.uri, system.host_uuid, system.hostname) == (
        "qemu:///system",
        _UUID,
        "alpha.example.net",
    )
    assert test.uri == "test:///default"
    assert not test.HasField("host_uuid")
    assert snapshot.identity.libvirt_host_uuid == _UUID
    assert [each.driver for each in snapshot.hypervisor.connections] == ["QEMU", "QEMU"]
    assert not any(each.HasField("host_uuid") for each in snapshot.hypervisor.connections)
    assert not any(each.HasField("hostname") for each in snapshot.hypervisor.connections)
    assert dict(snapshot.security.libvirtd_conf) == {"listen_tls": "0"}
    assert snapshot.schema_revision == SCHEMA_REVISION
    assert [each.digest for each in snapshot.parts] == [
        digest(getattr(snapshot, each.name)) for each in snapshot.parts
    ]
    assert before == revision_1()


def test_equal_hosts_have_equal_hypervisor_parts():
    other = revision_1()
    other.hypervisor.connections[0].host_uuid = "b" * 36
    other.hypervisor.connections[0].hostname = "beta.example.net"
    assert other.hypervisor != revision_1().hypervisor
    assert upgraded(other).hypervisor == upgraded(revision_1()).hypervisor


def test_what_has_the_latest_form_is_left_as_it_is():
    snapshot = upgraded(revision_1())
    assert upgraded(snapshot) is snapshot
    bare = Snapshot(schema_revision=1)
    bare.memory.total_bytes = 1
    assert upgraded(bare) is bare


def test_older_readers_get_what_they_know():
    snapshot = upgraded(revision_1())
    as_of_revision_1(snapshot, list(snapshot.identity.libvirt_identities))
    before = revision_1()
    assert snapshot.hypervisor == before.hypervisor
    assert snapshot.schema_revision == 1
    assert not snapshot.oldest_reader_revision
    assert not snapshot.identity.libvirt_identities
    digests = {each.name: each.digest for each in snapshot.parts}
    assert digests["hypervisor"] == before.parts[1].digest


@pytest.mark.parametrize(
    ("revision", "oldest_reader", "is_refused"),
    [(0, 0, False), (1, 0, False), (2, 2, False), (99, 2, False), (99, 3, True), (3, 0, True)],
)
def test_only_a_meaning_that_changed_is_a_reason_to_refuse(revision, oldest_reader, is_refused):
    snapshot = Snapshot(schema_revision=revision, oldest_reader_revision=oldest_reader)
    assert bool(refusal(snapshot)) is is_refused


def test_files(tmp_path):
    path = tmp_path / "host"
    path.write_bytes(revision_1().SerializeToString())
    assert read_snapshot(path) == upgraded(revision_1())
    newer = '{"schemaRevision": 9, "oldestReaderRevision": %d, "identity": {"colour": "red"}}'
    path.write_text(newer % 2)
    assert read_snapshot(path).HasField("identity")
    path.write_text(newer % 9)
    with pytest.raises(SnapshotFileError, match="host: is of schema revision 9, which only"):
        read_snapshot(path)


@pytest.mark.parametrize("image", sorted(_IMAGES.glob("*.binpb")), ids=lambda path: path.stem)
def test_no_field_of_a_revision_is_taken_away_or_used_for_something_else(image):
    buf = shutil.which("buf")
    if buf is None:
        pytest.skip("buf is not installed")
    command = [buf, "breaking", "--against", str(image)]
    result = subprocess.run(command, cwd=_PROTO, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
