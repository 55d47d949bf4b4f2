"""Devices of real machines: replayed through libudev, and recorded trees, both from the corpus."""

import functools
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from google.protobuf.json_format import Parse

from tests.agent.device_tree import make_host
from vmfit.v1.storage_pb2 import BlockDevices
from vmfit_agent.collectors import block_devices, iscsi, usb
from vmfit_agent.host import Host

CORPUS = Path(os.environ.get("VMFIT_CORPUS", Path(__file__).parents[2] / "../shared/corpus"))

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS} (VMFIT_CORPUS)"),
]
needs_umockdev = pytest.mark.skipif(
    not shutil.which("umockdev-run"), reason="umockdev-run is missing"
)

COLLECT = """
from google.protobuf.json_format import MessageToJson
from vmfit_agent.collectors import block_devices
from vmfit_agent.host import Host
from vmfit_agent.storage import udev
# The mocked devices have udev's properties, but no database of udev's beside them.
udev._DATABASE = "/"
host = Host()
print(MessageToJson(block_devices.collect(host), preserving_proto_field_name=True))
assert not host.warnings, host.warnings
"""
# Whole trees have ten thousands of files.
OF_DEVICES = re.compile(
    r"(\./)?(run/udev/data/b|sys/class/(block|iscsi)|sys/devices/(pci|platform/host|virtual/block))"
)
ALL_BUSES = "qemu-q35-3numa-allbuses"


def recording(name: str) -> Path:
    path = CORPUS / "umockdev" / name
    if not path.exists():
        pytest.skip(f"{path} is not part of this corpus")
    return path


@functools.cache
def through_libudev(name: str) -> BlockDevices:
    command = ["umockdev-run", "-d", str(recording(name)), "--", sys.executable, "-c", COLLECT]
    # Coverage and the like of the parent do not belong into the mocked process.
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return Parse(done.stdout, BlockDevices())


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Unpack recorded hosts of the corpus, each once."""

    @functools.cache
    def unpack(name: str) -> Path:
        archive = CORPUS / "hosts" / name / "tree.tar.xz"
        if not archive.exists():
            pytest.skip(f"{archive} is not part of this corpus")
        directory: Path = tmp_path_factory.mktemp("host")
        with tarfile.open(archive) as opened:
            wanted = [each for each in opened if OF_DEVICES.match(each.name)]
            opened.extractall(directory, wanted, filter="fully_trusted")
        return directory

    return lambda name: Host(unpack(name))


EXPECTED = {
    # name: transport, bus, vendor, model, serial, wwn
    "vda": ("virtio", "virtio", "", "", "OUTDISK", ""),
    "nvme0n1": (
        "nvme",
        "nvme",
        "",
        "QEMU NVMe Ctrl",
        "NVME0001",
        "nvme.1b36-4e564d4530303031-51454d55204e564d65204374726c-00000001",
    ),
    "sda": ("virtio", "scsi", "SEAGATE", "ST4000NM0023", "5000c50057a1b2c3", "5000c50057a1b2c3"),
    "sdb": ("virtio", "scsi", "QEMU", "QEMU HARDDISK", "NOWWN01", ""),
    "sdd": ("sata", "ata", "ATA", "QEMU HARDDISK", "QM00002", ""),
    "sdf": ("usb", "usb", "QEMU", "QEMU HARDDISK", "USB0001", ""),
    "sdg": (
        "iscsi",
        "scsi",
        "LIO-ORG",
        "FILEIO",
        "60014052c1a4be199a74d358c19a0f10",
        "60014052c1a4be199a74d358c19a0f10",
    ),
    "sr0": ("sata", "ata", "QEMU", "QEMU DVD-ROM", "QM00005", ""),
}


def assert_all_buses(part: BlockDevices) -> None:
    found = {each.name: each for each in part.devices}
    for name, expected in EXPECTED.items():
        each = found[name]
        seen = (each.transport, each.bus, each.vendor, each.model, each.serial, each.wwn)
        assert seen == expected, name
    assert found["sr0"].type == "rom"
    assert found["sdg"].iscsi.target_name == "iqn.2026-11.org.example:t1"
    assert "/dev/disk/by-id/wwn-0x5000c50057a1b2c3" in found["sda"].paths


@needs_umockdev
def test_disks_of_every_bus_through_libudev():
    assert_all_buses(through_libudev("q35-all-buses.umockdev"))


def test_disks_of_every_bus_from_files(tree):
    assert_all_buses(block_devices.collect(tree(ALL_BUSES)))


@needs_umockdev
def test_libudev_and_the_recorded_database_agree(tree):
    live = through_libudev("q35-all-buses.umockdev")
    recorded = block_devices.collect(tree(ALL_BUSES))
    assert live == recorded


@needs_umockdev
def test_disks_that_only_sysfs_knows():
    part = through_libudev("lsblk-simple-lvm-sysfs-only.umockdev")
    found = {each.name: each for each in part.devices}
    assert found["sda4"].parent == "sda"
    assert found["sda4"].size_bytes == 53687091200
    assert found["sda"].serial == "50026B724B09A1FF"
    assert not found["sda"].rotational
    assert found["sdb"].rotational
    assert found["nvme0n1p2"].wwn.startswith("nvme.1987-")
    assert "loop0" not in found
    assert found["dm-0"].type == "dm"


def test_a_session_that_was_not_recorded_is_missed(tree):
    host = tree(ALL_BUSES)
    assert not iscsi.collect(host).sessions
    assert host.warnings == ["iSCSI session1: no target name"]


def test_usb_devices_of_a_recorded_host(tmp_path):
    source = CORPUS / "devices/libvirt-virusbtestdata/sys_bus_usb/devices"
    if not source.is_dir():
        pytest.skip(f"{source} is not part of this corpus")
    base = tmp_path / "sys/bus/usb"
    base.mkdir(parents=True)
    (base / "devices").symlink_to(source)
    found = usb.collect(make_host(tmp_path, {})).devices
    assert {each.port_path for each in found} == {path.name for path in source.iterdir()}
    for each in found:
        vendor = (source / each.port_path / "idVendor").read_text().strip()
        assert each.vendor_id == vendor.lower()
        assert each.device_number == int((source / each.port_path / "devnum").read_text())
    assert {each.bus_number for each in found} == {1, 2, 3, 4}


def test_a_machine_that_udev_knows_partly(tree):
    host = tree("hwloc-32em64t-2n8c+dax+nvme+mic+dimms")
    disks = {each.name: each for each in block_devices.collect(host).devices}
    assert disks["sda"].wwn == "500a07510c05022b"
    assert disks["sda"].serial == "14090C05022B"
