"""What a live libvirt answered is answered again by its recording."""

import json
import re

import pytest

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit_agent.collectors import domains, hypervisor, libvirt_objects
from vmfit_agent.describe import describe_vm
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.recording.libvirt_recording import record_libvirt
from vmfit_agent.recording.recorded_libvirt import RecordedLibvirt, slug
from vmfit_agent.virtualization.libvirt_connection import LiveLibvirt
from vmfit_contract.access import LOCAL
from vmfit_contract.masking.masking import Masking

TEST = "test:///default"
DEAD = "qemu+unix:///system?socket=/nonexistent"


@pytest.fixture
def recorded(tmp_path):
    pytest.importorskip("libvirt", reason="the libvirt Python module is not installed")
    record_libvirt(LiveLibvirt([TEST, DEAD]), tmp_path, None)
    return RecordedLibvirt(tmp_path)


def test_the_recording_answers_as_the_live_one_did(recorded):
    live = Host(libvirt=LiveLibvirt([TEST]))
    replayed = Host(libvirt=recorded)
    assert domains.collect(replayed) == domains.collect(live)
    assert libvirt_objects.collect(replayed) == libvirt_objects.collect(live)
    found = {one.uri: one for one in hypervisor.collect(replayed).connections}
    assert found[TEST] == hypervisor.collect(live).connections[0]
    assert "cannot connect" in found[DEAD].error


def test_a_recorded_domain_is_described(recorded, tmp_path):
    host = Host(tmp_path, libvirt=recorded)
    request = DescribeVmRequest(name="test", connection_uri=TEST)
    answer = describe_vm(request, host, LOCAL)
    assert answer.vm.uuid == "6695eb01-f6a4-8304-79aa-97f2502e193f"
    assert answer.vm.nics[0].bridge == "virbr0"
    assert not answer.vm.disks[0].source.path.HasField("exists")
    assert "<name>test</name>" in answer.xml


def test_every_text_is_masked(tmp_path):
    pytest.importorskip("libvirt", reason="the libvirt Python module is not installed")

    uuid, mac = "6695eb01-f6a4-8304-79aa-97f2502e193f", "aa:bb:cc:dd:ee:ff"
    masking = Masking(b"k" * 32)
    record_libvirt(LiveLibvirt([TEST]), tmp_path, masking)
    for path in tmp_path.rglob("*"):
        assert "6695eb01" not in path.name
        assert path.is_dir() or not {uuid, mac} & set(re.split(r"[\s'\"<>]", path.read_text()))
    (record,) = RecordedLibvirt(tmp_path).connect(TEST).domains()
    assert f"<uuid>{masking.text(uuid)}</uuid>" in record.xml
    assert f'"{masking.text(mac)}"' in record.xml


@pytest.mark.parametrize(
    ("name", "expected"), [("qemu:///system", "qemu____system"), ("..", "__"), ("", "_")]
)
def test_names_of_files(name, expected):
    assert slug(name) == expected


def capabilities(machine, emulator="/q"):
    return (
        f"<domainCapabilities><path>{emulator}</path><domain>kvm</domain>"
        f"<machine>{machine}</machine><arch>x86_64</arch></domainCapabilities>"
    )


@pytest.fixture
def connection(tmp_path):
    folder = tmp_path / "libvirt/qemu____system"
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"uri": "qemu:///system", "driver": "QEMU"}))
    (folder / "domcapabilities-1-a.xml").write_text(capabilities("pc-1"))
    (folder / "domcapabilities-2-default.xml").write_text(capabilities("pc-2"))
    return RecordedLibvirt(tmp_path).connect("qemu:///system")


@pytest.mark.parametrize(
    ("emulator", "machine", "expected"),
    [(None, None, "pc-2"), ("/q", "pc-1", "pc-1"), (None, "pc-2", "pc-2")],
)
def test_domain_capabilities_are_found_by_their_content(connection, emulator, machine, expected):
    xml = connection.domain_capabilities(emulator, "x86_64", machine, "kvm")
    assert f"<machine>{expected}</machine>" in xml


@pytest.mark.parametrize(
    ("emulator", "machine", "domain_type"),
    [("/other", None, "kvm"), (None, "pc-3", "kvm"), (None, None, "qemu")],
)
def test_what_was_not_recorded_is_unavailable(connection, emulator, machine, domain_type):
    with pytest.raises(LibvirtUnavailable, match="not in the recording"):
        connection.domain_capabilities(emulator, "x86_64", machine, domain_type)
    with pytest.raises(LibvirtUnavailable, match="not in the recording"):
        connection.capabilities()
    with pytest.raises(LibvirtUnavailable, match="not in the recording"):
        connection.expand_cpu("<cpu/>")
    assert connection.domains() == []
    assert connection.objects("networks") == []
    assert connection.libvirt_version() is None


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_a_broken_recording_names_its_file(tmp_path, content):
    folder = tmp_path / "libvirt/x"
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(content)
    with pytest.raises(ValueError, match=r"meta\.json: not"):
        RecordedLibvirt(tmp_path)


def test_no_recording_has_no_uris(tmp_path):
    assert RecordedLibvirt(tmp_path).uris == ()
