"""One VM, fully described: by name, UUID or inline XML, with or without libvirt."""

import json
import os

import pytest

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit.v1.hypervisor_pb2 import StoragePool, StorageVolume
from vmfit.v1.vm_pb2 import Disk, HostPath, StorageSource, VmState
from vmfit_agent.describe import describe_vm
from vmfit_agent.disk_sources import (
    backing_source,
    extend_backing_chain,
    read_data_file,
    read_size,
    resolve_volume,
)
from vmfit_agent.host import Host, LibvirtUnavailable, NoLibvirt
from vmfit_agent.recording.recorded_libvirt import RecordedLibvirt, answer_name
from vmfit_agent.sources import UnknownDomain
from vmfit_agent.storage.host_path import PathInspector
from vmfit_agent.storage.look_allowance import LookAllowance
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_contract.access import LOCAL

IMAGES = PathInspector(Host(), allowance=LookAllowance(seconds=3600.0))
URI = "qemu:///system"
UUID = "11111111-2222-4333-8444-555555555555"
OTHER_UUID = "21111111-2222-4333-8444-555555555555"
DEFINITION = """<domain type='kvm'><name>{name}</name><uuid>{uuid}</uuid>
<memory unit='MiB'>64</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>
<cpu mode='custom'><model>Base</model><feature policy='disable' name='b'/></cpu><devices>
<disk type='volume'><driver type='raw'/><source pool='p' volume='v'/><target dev='vda'/></disk>
<interface type='network'><source network='n'/></interface>
<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
<graphics type='vnc' passwd='sekrit'><listen type='address' {address}/></graphics>
</devices></domain>"""
BARE_MODEL = "<cpu><arch>x86_64</arch><model>Base</model></cpu>"
EXPANDED = "<cpu><model>Base</model><feature name='a'/><feature name='b'/></cpu>"
POOL = "<pool type='dir'><name>p</name><target><path>/pool</path></target></pool>"
NETWORK = "<network><name>n</name><bridge name='br7'/></network>"


def xml(name="g1", uuid=UUID, address=""):
    return DEFINITION.format(name=name, uuid=uuid, address=address)


@pytest.fixture
def host(tmp_path):
    folder = tmp_path / "libvirt/qemu"
    files = {
        "meta.json": json.dumps({"uri": URI, "driver": "QEMU"}),
        f"cpus/{answer_name(BARE_MODEL)}": EXPANDED,
        "domains/g1.json": json.dumps({"state": 1, "state_reason": "booted", "jobs_known": True}),
        "domains/g1.xml": xml(address="address='10.0.0.1'"),
        "domains/g1.migratable.xml": xml(),
        # Its name is the other's UUID.
        "domains/odd.json": json.dumps({"state": 5}),
        "domains/odd.xml": xml(UUID, OTHER_UUID),
        "storage_pools/0.json": json.dumps({"active": False}),
        "storage_pools/0.xml": POOL,
        "networks/0.json": json.dumps({"active": True}),
        "networks/0.xml": NETWORK,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(tmp_path, libvirt=RecordedLibvirt(tmp_path))


def test_a_running_domain(host):
    answer = describe_vm(DescribeVmRequest(name="g1"), host, LOCAL)
    vm = answer.vm
    assert (vm.name, vm.connection_uri, vm.state) == ("g1", URI, VmState.VM_STATE_RUNNING)
    assert vm.HasField("jobs")
    assert list(vm.cpu.expanded_features) == ["a"]
    assert vm.cpu.expanded
    assert vm.disks[0].source.path.path == "/pool/v"
    assert vm.nics[0].bridge == "br7"
    assert vm.tpms[0].state_directory.path == f"/var/lib/libvirt/swtpm/{UUID}/tpm2"
    assert "sekrit" not in answer.xml
    assert "<name>g1</name>" in answer.xml


def test_the_cpu_as_a_migration_sends_it(host):
    place = host.root / "libvirt/qemu/domains/g1.migratable.xml"
    place.write_text(xml().replace("<cpu ", "<cpu check='partial' "))
    vm = describe_vm(DescribeVmRequest(name="g1"), host, LOCAL).vm
    assert (vm.migratable_cpu.check, vm.cpu.check) == ("partial", "")
    inline = describe_vm(DescribeVmRequest(xml=xml()), host, LOCAL).vm
    assert not inline.HasField("migratable_cpu")


def test_a_stored_definition_that_says_another_thing(host):
    place = host.root / "libvirt/qemu/domains/g1.inactive.xml"
    request = DescribeVmRequest(name="g1")
    assert describe_vm(request, host, LOCAL).persistent_xml == ""
    place.write_text(xml(address="address='10.0.0.1'"))
    assert describe_vm(request, host, LOCAL).persistent_xml == ""
    place.write_text(xml().replace("<memory unit='MiB'>64<", "<memory unit='MiB'>128<"))
    stored = describe_vm(request, host, LOCAL).persistent_xml
    assert ">128<" in stored
    assert "sekrit" not in stored


def test_a_listen_address_that_the_host_chose_is_no_need(host):
    vm = describe_vm(DescribeVmRequest(name="g1"), host, LOCAL).vm
    assert not vm.graphics[0].listens[0].HasField("address")


@pytest.mark.parametrize(
    ("request_", "uuid"),
    [
        (DescribeVmRequest(name="g1"), UUID),
        (DescribeVmRequest(uuid=UUID), UUID),
        (DescribeVmRequest(uuid=OTHER_UUID.upper()), OTHER_UUID),
        (DescribeVmRequest(name_or_uuid="g1"), UUID),
        (DescribeVmRequest(name_or_uuid=OTHER_UUID), OTHER_UUID),
        (DescribeVmRequest(name=UUID), OTHER_UUID),
        (DescribeVmRequest(name_or_uuid=UUID), OTHER_UUID),
        (DescribeVmRequest(name="g1", connection_uri=URI), UUID),
    ],
)
def test_a_name_wins_over_a_uuid_where_both_may_be_meant(host, request_, uuid):
    assert describe_vm(request_, host, LOCAL).vm.uuid == uuid


@pytest.mark.parametrize(
    ("request_", "error", "why"),
    [
        (DescribeVmRequest(name="nobody"), UnknownDomain, "no domain 'nobody' on qemu:///system"),
        (DescribeVmRequest(name=OTHER_UUID), UnknownDomain, "no domain"),
        (DescribeVmRequest(uuid="g1"), UnknownDomain, "no domain"),
        (DescribeVmRequest(name="g1", connection_uri="x:///"), UnknownDomain, "x:///: not among"),
        (DescribeVmRequest(), UnusableDefinition, "names no domain"),
        (DescribeVmRequest(name=""), UnusableDefinition, "names no domain"),
        (DescribeVmRequest(xml=""), UnusableDefinition, "not well-formed"),
        (DescribeVmRequest(xml="<domain/>"), UnusableDefinition, "no <name>"),
        (DescribeVmRequest(xml="<!DOCTYPE a><domain/>"), UnusableDefinition, "DTDs"),
    ],
)
def test_what_cannot_be_described(host, request_, error, why):
    with pytest.raises(error, match=why):
        describe_vm(request_, host, LOCAL)


def test_no_answer_is_not_no_domain():
    with pytest.raises(LibvirtUnavailable, match="dead"):
        describe_vm(DescribeVmRequest(name="g1"), Host(libvirt=NoLibvirt([URI], "dead")), LOCAL)
    with pytest.raises(LibvirtUnavailable, match="no libvirt URI is configured"):
        describe_vm(DescribeVmRequest(name="g1"), Host(), LOCAL)


def test_inline_xml(host):
    answer = describe_vm(DescribeVmRequest(xml=xml("new")), host, LOCAL)
    assert list(answer.vm.cpu.expanded_features) == ["a"]
    assert not answer.vm.HasField("state")
    assert not answer.vm.HasField("connection_uri")
    assert answer.vm.tpms[0].state_directory.path == f"/var/lib/libvirt/swtpm/{UUID}/tpm2"
    assert "sekrit" not in answer.xml


def test_secrets_are_told_to_nobody_and_the_answer_can_be_described(host):
    definition = xml().replace(
        "</devices></domain>",
        "<disk type='network'><source protocol='https' name='a' query='id=1&amp;sig=sekrit'>"
        "<host name='h'/><cookies><cookie name='c'>sekrit</cookie></cookies></source>"
        "<target dev='vdb'/></disk></devices><sysinfo type='smbios'><oemStrings><entry>sekrit"
        "</entry></oemStrings></sysinfo><qemu:commandline "
        "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-object'/>"
        "<qemu:arg value='secret,id=s,data=sekrit'/><qemu:env name='A' value='sekrit'/>"
        "</qemu:commandline></domain>",
    )
    answer = describe_vm(DescribeVmRequest(xml=definition), host, LOCAL)
    assert b"sekrit" not in answer.SerializeToString()
    assert answer.vm.disks[1].source.name == "a?id=1&sig=***"
    again = describe_vm(DescribeVmRequest(xml=answer.xml), host, LOCAL)
    assert (again.vm, again.xml) == (answer.vm, answer.xml)


def test_inline_xml_without_libvirt(tmp_path):
    vm = describe_vm(DescribeVmRequest(xml=xml()), Host(tmp_path), LOCAL).vm
    assert not vm.cpu.expanded
    assert "no libvirt URI is configured" in vm.cpu.expansion_error
    assert vm.disks[0].source.volume == "v"


def test_paths_are_looked_at_on_a_live_host(tmp_path):
    image = tmp_path / "disk.raw"
    image.write_bytes(b"x" * 4096)
    os.truncate(image, 1024**2)
    definition = (
        "<domain type='kvm'><name>g</name><devices><disk type='file'><driver type='raw'/>"
        f"<source file='{image}'/><target dev='vda'/></disk><disk type='file'>"
        f"<source file='{tmp_path}/none'/><target dev='vdb'/></disk></devices></domain>"
    )
    first, second = describe_vm(DescribeVmRequest(xml=definition), Host(), LOCAL).vm.disks
    assert first.source.path.exists
    assert first.source.virtual_size_bytes == 1024**2
    assert first.source.allocation_bytes < 1024**2
    assert second.source.path.exists is False
    assert not second.source.HasField("virtual_size_bytes")


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("root:root", True),
        ("+64055:+64055", True),
        ("root", True),
        ("root:", True),
        (":root", True),
        ("nobody-has-this:root", False),
        ("root:nobody-has-this", False),
        (":", None),
    ],
)
def test_whether_the_names_of_a_label_exist(label, known):
    definition = (
        "<domain type='kvm'><name>g</name><seclabel type='static' model='dac'>"
        f"<label>{label}</label></seclabel></domain>"
    )
    (found,) = describe_vm(DescribeVmRequest(xml=definition), Host(), LOCAL).vm.security_labels
    assert (found.names_exist if found.HasField("names_exist") else None) is known


def qcow2(path, backing="", backing_format=""):
    """Write a version 2 header: magic, version, where the backing file's name is, the size."""
    name = backing.encode()
    header = b"QFI\xfb" + (2).to_bytes(4, "big") + (72 if name else 0).to_bytes(8, "big")
    header += len(name).to_bytes(4, "big") + (16).to_bytes(4, "big") + (1024**2).to_bytes(8, "big")
    path.write_bytes((header.ljust(72, b"\0") + name).ljust(65536, b"\0"))
    return path


def test_an_image_tells_its_format(tmp_path):
    names = {"a": qcow2(tmp_path / "a"), "b": tmp_path / "b", "c": tmp_path / "none"}
    names["b"].write_bytes(b"boot sector".ljust(4096))
    found = [disk(path).source for path in names.values()]
    for source in found:
        read_size(source, IMAGES)
    assert [each.header_format for each in found] == ["qcow2", "raw", ""]
    assert [each.HasField("encrypted") for each in found] == [True, False, False]
    assert not found[0].encrypted
    assert [each.virtual_size_bytes for each in found] == [1024**2, 0, 0]


def test_an_image_tells_whether_it_is_encrypted(tmp_path):
    path = qcow2(tmp_path / "a")
    with path.open("r+b") as image:
        image.seek(32)
        image.write((2).to_bytes(4, "big"))
    source = disk(path).source
    read_size(source, IMAGES)
    assert source.encrypted
    assert source.encryption_format == "luks"


def disk(path, image_format="qcow2"):
    source = StorageSource(type="file", format=image_format, path=HostPath(path=str(path)))
    return Disk(target="vda", source=source)


def test_images_tell_what_they_rest_on(tmp_path):
    qcow2(tmp_path / "base")
    qcow2(tmp_path / "mid", "base")
    found = disk(qcow2(tmp_path / "top", str(tmp_path / "mid")))
    extend_backing_chain(found, IMAGES)
    assert [one.path.path for one in found.backing_chain] == [
        str(tmp_path / "mid"),
        str(tmp_path / "base"),
    ]


def test_a_loop_of_images_ends(tmp_path):
    qcow2(tmp_path / "a", "b")
    found = disk(qcow2(tmp_path / "b", "a"))
    extend_backing_chain(found, IMAGES)
    assert [one.path.path for one in found.backing_chain] == [str(tmp_path / "a")]


def with_data_file(path, name):
    """Write the header of a qcow2 image (version 3) whose data is in another file."""
    header = b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(12) + (16).to_bytes(4, "big")
    header += (1024**2).to_bytes(8, "big") + bytes(40) + (4).to_bytes(8, "big")
    header = header.ljust(100, b"\0") + (104).to_bytes(4, "big")
    extension = b"DATA" + len(name).to_bytes(4, "big") + name.encode()
    path.write_bytes((header + extension).ljust(65536, b"\0"))
    return path


@pytest.mark.parametrize(
    ("name", "expected"), [("/abs", "/abs"), ("a/b", "/a/b"), ("nbd://h/e", "")]
)
def test_an_image_tells_which_file_holds_its_data(tmp_path, name, expected):
    source = disk(with_data_file(tmp_path / "a", name)).source
    read_data_file(source, IMAGES)
    assert source.data_file.path == expected
    assert source.HasField("data_file") == bool(expected)


def test_an_image_that_holds_its_data_and_a_raw_one_name_no_file(tmp_path):
    images = [disk(qcow2(tmp_path / "a")), disk(with_data_file(tmp_path / "b", "/etc/x"), "raw")]
    for each in images:
        read_data_file(each.source, IMAGES)
    assert not any(each.source.HasField("data_file") for each in images)


@pytest.mark.parametrize("image_format", ["raw", None])
def test_a_raw_disk_rests_on_nothing_whatever_a_guest_wrote_into_it(tmp_path, image_format):
    found = disk(qcow2(tmp_path / "evil", "/etc/shadow"), image_format)
    extend_backing_chain(found, IMAGES)
    assert not found.backing_chain


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/abs", ("file", "/abs", "", "")),
        ("rel/x", ("file", "/d/rel/x", "", "")),
        ("file:/abs", ("file", "/abs", "", "")),
        ("file:///a%20b", ("file", "/a b", "", "")),
        ("/dev/vg/lv", ("block", "/dev/vg/lv", "", "")),
        ("nbd://h:10809/e", ("network", "", "nbd", "e")),
        ('json:{"file": {"filename": "/j"}}', ("file", "/j", "", "")),
        ('json:{"driver": "qcow2", "file.filename": "/j"}', ("file", "/j", "", "")),
        ("nbd+unix:///e?socket=/run/s", ("network", "", "nbd", "e")),
        (
            'json:{"file":{"driver":"nbd","server":{"type":"inet","host":"h"},"export":"e"}}',
            ("network", "", "nbd", "e"),
        ),
        (
            'json:{"driver":"nbd","server":{"type":"unix","path":"/run/s"}}',
            ("network", "", "nbd", ""),
        ),
        (
            'json:{"driver":"nbd","server":[]}',
            ("network", "", "", 'json:{"driver":"nbd","server":[]}'),
        ),
        ("json:{", ("network", "", "", "json:***")),
        ("json:[]", ("network", "", "", "json:[]")),
        ("http://[", ("network", "", "", "http://[")),
        ("rbd:a/b:key=hush", ("file", "/d/rbd:a/b:key=***", "", "")),
        ("ssh://joe:hush@h/a?x=1", ("network", "", "ssh", "a")),
    ],
)
def test_names_of_backing_files(name, expected):
    source = backing_source("/d/top", name, None)
    assert (source.type, source.path.path, source.protocol, source.name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "nbd+unix:///e?socket=/run/s",
        'json:{"driver":"nbd","server":{"type":"unix","path":"/run/s"}}',
    ],
)
def test_sockets_of_backing_files(name):
    (host,) = backing_source("/d/top", name, None).hosts
    assert (host.transport, host.socket, host.name) == ("unix", "/run/s", "")


@pytest.mark.parametrize(
    ("server", "port"),
    [
        ("nbd://h:10809/e", 10809),
        ("nbd://h/e", 0),
        ('json:{"driver":"nbd","server":{"type":"inet","host":"h","port":"10809"}}', 10809),
        ('json:{"driver":"nbd","server":{"type":"inet","host":"h","port":7}}', 0),
    ],
)
def test_ports_of_backing_files(server, port):
    (host,) = backing_source("/d/top", server, None).hosts
    assert (host.name, host.port) == ("h", port)


def test_volumes_of_pools():
    source = StorageSource(type="volume", pool="p", volume="v")
    volume = StorageVolume(name="v", path="/elsewhere/v", capacity_bytes=7)
    resolve_volume(source, {"p": StoragePool(type="dir", volumes=[volume])})
    assert (source.path.path, source.virtual_size_bytes) == ("/elsewhere/v", 7)
    remote = StorageSource(type="volume", pool="r", volume="v")
    pool = StoragePool(type="rbd", source_name="pool", source_hosts=["mon"])
    resolve_volume(remote, {"r": pool})
    assert (remote.protocol, remote.name, remote.hosts[0].name) == ("rbd", "pool/v", "mon")
    unknown = StorageSource(type="volume", pool="x", volume="v")
    resolve_volume(unknown, {})
    assert not unknown.HasField("path")
