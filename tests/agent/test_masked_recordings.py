"""A masked recording is collected to what masking the snapshot gives, and loses nothing."""

from pathlib import Path

import pytest

from vmfit_agent.assembly import assemble
from vmfit_agent.collection import CollectorRunner
from vmfit_agent.collectors import COLLECTORS
from vmfit_agent.file_words import file_words
from vmfit_agent.host import Host
from vmfit_agent.recording.host_recording import read_host
from vmfit_agent.recording.learnt_masking import learnt_masking
from vmfit_agent.recording.libvirt_recording import record_libvirt
from vmfit_agent.recording.recorded_libvirt import RecordedLibvirt
from vmfit_contract.masking.snapshots import mask_snapshot

HOSTS = Path(__file__).parents[1] / "hosts"
KEY = b"k" * 32
GLOBS = [glob for collector in COLLECTORS.values() for glob in collector.files]


def host_of(root):
    return Host(root, RecordedLibvirt(root))


def snapshot_of(root):
    return assemble(CollectorRunner(host_of(root), COLLECTORS).collect(COLLECTORS))


def record(root, directory, key=None):
    masking = learnt_masking(host_of(root), COLLECTORS, key) if key else None
    read_host(root, GLOBS).write(directory, masking)
    record_libvirt(host_of(root).libvirt, directory, masking)
    return directory


def without_times(snapshot):
    for field in ("identifier_key", "taken_at"):
        snapshot.ClearField(field)
    for status in snapshot.parts:
        for field in ("age", "collected_at", "duration", "digest"):
            status.ClearField(field)
    # Digests of files whose content is masked.
    for each in (*snapshot.security.hook_scripts, *snapshot.security.certificates):
        for field in ("sha256", "fingerprint"):
            if field in each.DESCRIPTOR.fields_by_name:
                each.ClearField(field)
    return snapshot


@pytest.mark.parametrize("name", ["epyc-four-nodes", "skylake-memory-only-node"])
def test_masking_the_files_is_masking_the_snapshot(name, tmp_path):
    expected = snapshot_of(HOSTS / name)
    original = without_times(snapshot_of(HOSTS / name))
    mask_snapshot(expected, KEY, file_words())
    found = snapshot_of(record(HOSTS / name, tmp_path / "masked", KEY))
    assert without_times(found) == without_times(expected) != original


def everything(directory):
    return "\n".join(
        f"{path.relative_to(directory)}\n{path.read_text() if path.is_file() else ''}"
        + (str(path.readlink()) if path.is_symlink() else "")
        for path in sorted(directory.rglob("*"))
    )


DOMAIN = """<domain type="kvm"><name>CANARYNAME</name>
<uuid>4c4c4544-0047-4710-8051-b4c04f4d3432</uuid>
<genid>0ca6aa01-beef-4710-8051-b4c04f4d3432</genid>
<sysinfo type="smbios"><system><entry name="manufacturer">Keep</entry>
<entry name="serial">CANARY1SERIAL</entry><entry name="sku">CANARY2SKU</entry></system>
<chassis><entry name="asset">CANARY3ASSET</entry></chassis></sysinfo>
<os><type arch="x86_64" machine="pc">hvm</type></os>
<devices><disk type="block" device="disk"><source dev="/dev/disk/by-id/wwn-0x5000c500a1b2c3d4"/>
<target dev="sda" bus="scsi"/><serial>CANARY4DISK</serial><wwn>5000c500a1b2c3d5</wwn></disk>
<disk type="network" device="disk"><source protocol="iscsi"
 name="iqn.2004-04.com.canary5:x/1"><host name="10.0.0.9" port="3260"/></source>
<target dev="sdb" bus="scsi"/></disk>
<interface type="network"><mac address="52:54:00:ca:4a:06"/><source network="n"/></interface>
</devices></domain>"""
CANARIES = (
    "0047-4710", "beef-4710", "canary1serial", "canary2sku", "canary3asset", "canary4disk",
    "c500a1b2c3d4", "c500a1b2c3d5", "canary5", "ca:4a:06", "ca-4a-06", "canary7alias",
    "90:03:00:29", "b00b1d00", "canary8", "canary9", "5b71b0e7a1", "ca:4a:0a",
)  # fmt: skip


@pytest.fixture
def planted(tmp_path):
    root = tmp_path / "root"
    for name, text in {
        "proc/sys/kernel/random/boot_id": "b00b1d00-0047-4710-8051-b4c04f4d3432\n",
        "proc/sys/kernel/hostname": "canary8.example-site.org\n",
        "etc/machine-id": "0ca6aa09b00b1d000ca6aa09b00b1d00\n",
        "etc/iscsi/initiatorname.iscsi":
            "InitiatorName=iqn.1993-08.org.canary9:1\nInitiatorAlias=CANARY7ALIAS\n",
        "sys/class/net/ib0/address":
            "80:00:02:08:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:2b:06\n",
        "sys/class/net/ib0/mtu": "2044\n",
        "sys/class/net/eth0/address": "52:54:00:ca:4a:0a\n",
        "sys/class/block/nvme0n1/wwid": "eui.0025385b71b0e7a1\n",
        "sys/class/block/nvme0n1/size": "4096\n",
        "etc/iscsi/nodes/iqn.2004-04.com.canary5:x/10.0.0.9,3260,1/default":
            "node.name = iqn.2004-04.com.canary5:x\nnode.startup = automatic\n",
        "etc/iscsi/nodes/iqn.2004-04.com.canary5:x/10.0.0.8,3260,1/default":
            "node.name = iqn.2004-04.com.canary5:x\nnode.startup = manual\n",
        "libvirt/q/meta.json":
            '{"uri": "qemu:///system", "driver": "QEMU", "hostname": "canary8.example-site.org"}',
        "libvirt/q/capabilities.xml":
            "<capabilities><host><uuid>4c4c4544-0047-4710-8051-b4c04f4d3432</uuid></host>"
            "</capabilities>",
        "libvirt/q/domains/d.xml": DOMAIN,
        "libvirt/q/domains/d.migratable.xml":
            DOMAIN.replace("52:54:00:ca:4a:06", "52-54-00-ca-4a-06"),
        "libvirt/q/domains/d.json": '{"state": 1}',
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_no_identifier_passes_the_mask(planted, tmp_path):
    plain = everything(record(planted, tmp_path / "plain")).lower()
    assert [canary for canary in CANARIES if canary not in plain] == []
    masked = everything(record(planted, tmp_path / "masked", KEY)).lower()
    assert [canary for canary in CANARIES if canary in masked] == []
    assert "keep" in masked
    found = snapshot_of(tmp_path / "masked")
    nodes = found.iscsi.nodes
    assert [node.portal for node in nodes] == ["10.0.0.8:3260", "10.0.0.9:3260"]
    assert nodes[0].target_name == nodes[1].target_name
    [vm] = found.domains.vms
    assert len(vm.disks) == 2
    assert vm.disks[1].source.name.startswith(nodes[0].target_name)
