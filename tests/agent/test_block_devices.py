"""Block devices of made trees: what identifies them, and how they are attached."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.device_tree import block_device, make_host
from vmfit.v1.storage_pb2 import BlockDevice
from vmfit_agent.collectors.block_devices import collect
from vmfit_agent.host import Host
from vmfit_agent.storage import udev
from vmfit_agent.storage.udev import _TextProperties, parse_entry

SATA = "pci0000:00/0000:00:1f.2/ata1/host1/target1:0:0/1:0:0:0/block/sda"
ISCSI = "platform/host9/session4/target9:0:0/9:0:0:7/block/sdb"
FC = "pci0000:00/0000:05:00.0/host3/rport-3:0-1/target3:0:1/3:0:1:2/block/sdc"
SAS = "pci0000:00/0000:06:00.0/host4/port-4:0/end_device-4:0/target4:0:0/4:0:0:0/block/sdd"
USB = "pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host7/target7:0:0/7:0:0:0/block/sde"
FIREWIRE = "pci0000:00/0000:07:00.0/fw0/fw1/fw1.0/host8/target8:0:0/8:0:0:0/block/sdf"
VIRTIO = "pci0000:00/0000:00:02.0/virtio0/block/vda"
VIRTIO_SCSI = "pci0000:00/0000:00:03.0/virtio1/host0/target0:0:0/0:0:0:0/block/sdg"
NVME = "pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1"
NVME_MULTIPATH = "virtual/nvme-subsystem/nvme-subsys0/nvme1n1"

NAA = "6001405aaaabbbbccccddddeeeeffff0"


def described(tmp_path, *device_files) -> dict[str, BlockDevice]:
    merged = {key: value for files in device_files for key, value in files.items()}
    return {each.name: each for each in collect(make_host(tmp_path, merged)).devices}


@pytest.mark.parametrize(
    ("path", "transport", "bus"),
    [
        (SATA, "sata", "ata"),
        (ISCSI, "iscsi", "scsi"),
        (FC, "fc", "scsi"),
        (SAS, "sas", "scsi"),
        (USB, "usb", "usb"),
        (FIREWIRE, "ieee1394", "ieee1394"),
        (VIRTIO, "virtio", "virtio"),
        (VIRTIO_SCSI, "virtio", "scsi"),
        (NVME, "nvme", "nvme"),
        (NVME_MULTIPATH, "nvme", "nvme"),
        ("platform/mmc0/mmc_host/mmc0/mmc0:0001/block/mmcblk0", "", ""),
    ],
)
def test_the_device_path_tells_transport_and_bus(tmp_path, path, transport, bus):
    name = path.rpartition("/")[2]
    # The way to the recording must not be taken for the way to the device.
    root = tmp_path / "usb1" / "session1" / "virtio9"
    device = described(root, block_device(name, path, {"dev": "8:0\n"}))[name]
    assert (device.transport, device.bus) == (transport, bus)
    assert device.HasField("transport") == bool(transport)


def test_udev_and_sysfs_tell_the_same_scsi_disk(tmp_path):
    attributes = {
        "dev": "8:16",
        "../../vendor": "LIO-ORG \n",
        "../../model": "my disk         \n",
        "../../wwid": f"naa.{NAA}\n",
        "../../vpd_pg80": b"\x00\x80\x00\x06  ABCD",
        "device": "-> ../../../9:0:0:7",
    }
    udev = (
        "S:disk/by-id/wwn-0x1\nI:5\nE:ID_BUS=scsi\nE:ID_VENDOR=LIO-ORG\n"
        r"E:ID_VENDOR_ENC=LIO-ORG\x20" + "\nE:ID_MODEL=my_disk\n"
        r"E:ID_MODEL_ENC=my\x20disk\x20\x20\x20" + "\n"
        f"E:ID_SERIAL=3{NAA}\nE:ID_SERIAL_SHORT={NAA}\nE:ID_SCSI_SERIAL=ABCD\n"
        f"E:ID_WWN=0x{NAA[:16]}\nE:ID_WWN_WITH_EXTENSION=0x{NAA.upper()}\nV:1\n"
    )
    plain = described(tmp_path / "plain", block_device("sdb", ISCSI, attributes))["sdb"]
    known = described(tmp_path / "udev", block_device("sdb", ISCSI, attributes, udev))["sdb"]
    for device in (plain, known):
        assert device.vendor == "LIO-ORG"
        assert device.model == "my disk"
        assert device.serial == NAA
        assert device.wwn == NAA
    assert list(plain.paths) == ["/dev/sdb"]
    assert list(known.paths) == ["/dev/sdb", "/dev/disk/by-id/wwn-0x1"]


def test_a_sata_disk_without_udev_has_its_own_serial_but_no_cut_model(tmp_path):
    attributes = {
        "dev": "8:0",
        "../../vendor": "ATA     ",
        "../../model": "Samsung SSD 860 ",
        "../../wwid": "naa.5002538e40a1b2c3",
        "../../vpd_pg80": b"\x00\x80\x00\x14     S3Z8NB0K123456X",
        "device": "-> ../../../1:0:0:0",
    }
    device = described(tmp_path, block_device("sda", SATA, attributes))["sda"]
    assert device.serial == "S3Z8NB0K123456X"
    assert device.wwn == "5002538e40a1b2c3"
    assert device.vendor == "ATA"
    # 15 characters fit; only a model that fills the field may go on.
    assert device.model == "Samsung SSD 860"
    (tmp_path / "sys/devices" / SATA / "../../model").write_text("Samsung SSD 8600")
    assert not collect(make_host(tmp_path, {})).devices[0].HasField("model")


@pytest.mark.parametrize(
    ("broken", "left"),
    [({"dev": b"8:\0000\n"}, []), ({"dev": "8:0", "size": "9" * 30}, ["sda"])],
)
def test_a_broken_attribute_costs_no_other_device(tmp_path, broken, left):
    files = block_device("sda", SATA, broken) | block_device(
        "sdb", f"{SATA}/../sdb", {"dev": "8:1"}
    )
    assert sorted(described(tmp_path, files)) == [*left, "sdb"]


def test_a_padded_serial_loses_its_padding(tmp_path):
    udev = "E:ID_BUS=ata\nE:ID_SERIAL_SHORT=_____WD-123\n"
    device = described(tmp_path, block_device("sda", SATA, {"dev": "8:0"}, udev))["sda"]
    assert device.serial == "WD-123"


@pytest.mark.parametrize(
    "udev",
    [
        "E:ID_BUS=usb\nE:ID_SERIAL=Cheap_Stick-0:0\n",
        "E:ID_BUS=usb\nE:ID_SERIAL_SHORT=00000000\n",
        None,
    ],
)
def test_a_usb_stick_without_a_serial_gets_none(tmp_path, udev):
    attributes = {"dev": "8:64", "../../vpd_pg80": b"\x00\x80\x00\x04ABCD"}
    device = described(tmp_path, block_device("sde", USB, attributes, udev))["sde"]
    assert not device.HasField("serial")
    assert not device.HasField("wwn")


def test_nvme_names_come_from_the_namespace(tmp_path):
    attributes = {
        "dev": "259:0",
        "wwid": "EUI.0025385B71B0AABB\n",
        "nguid": "00000000-0000-0000-0000-000000000000\n",
        "../model": "Samsung SSD 970 EVO                     \n",
        "../serial": "  S466NX0K   \n",
        "device": "-> ../../nvme0",
        "queue/rotational": "0\n",
        "queue/logical_block_size": "4096\n",
        "size": "16",
    }
    device = described(tmp_path, block_device("nvme0n1", NVME, attributes))["nvme0n1"]
    assert device.wwn == "eui.0025385b71b0aabb"
    assert not device.HasField("nvme_nguid")
    assert (device.model, device.serial) == ("Samsung SSD 970 EVO", "S466NX0K")
    assert device.HasField("rotational")
    assert not device.rotational
    assert device.logical_sector_bytes == 4096
    assert device.size_bytes == 16 * 512


def test_virtio_serial_is_the_disks_own(tmp_path):
    device = described(
        tmp_path,
        block_device(
            "vda", VIRTIO, {"dev": "254:0", "serial": "my disk", "../../vendor": "0x1af4"}
        ),
    )["vda"]
    assert device.serial == "my disk"
    assert not device.HasField("vendor")


def test_a_partition_carries_the_identity_of_its_disk(tmp_path):
    disk = {"dev": "8:0", "../../wwid": "naa.5002538e40a1b2c3", "device": "-> ../../../1:0:0:0"}
    partition = {"dev": "8:1", "partition": "1\n", "size": "100"}
    udev = "E:ID_PART_ENTRY_UUID=aaaa-01\nE:ID_FS_TYPE=ext4\nE:ID_FS_UUID=uuid-1\n"
    found = described(
        tmp_path,
        block_device("sda", SATA, disk),
        block_device("sda1", f"{SATA}/sda1", partition, udev),
    )
    assert found["sda1"].parent == "sda"
    assert found["sda1"].type == "partition"
    assert found["sda1"].wwn == found["sda"].wwn == "5002538e40a1b2c3"
    assert found["sda1"].partition_uuid == "aaaa-01"
    assert (found["sda1"].filesystem_type, found["sda1"].filesystem_uuid) == ("ext4", "uuid-1")
    assert not found["sda"].HasField("parent")


@pytest.mark.parametrize(
    ("uuid", "kind", "wwn", "wwid"),
    [
        (f"mpath-3{NAA}", "mpath", NAA, f"3{NAA}"),
        ("mpath-eui.0025385B71B0AABB", "mpath", "eui.0025385b71b0aabb", "eui.0025385B71B0AABB"),
        ("mpath-SVendor_Disk_1", "mpath", "", "SVendor_Disk_1"),
        (f"part1-mpath-3{NAA}", "partition", "", ""),
        ("CRYPT-LUKS2-0a-luks-0a", "crypt", "", ""),
        ("LVM-abc", "lvm", "", ""),
        ("other", "dm", "", ""),
    ],
)
def test_device_mapper_kinds(tmp_path, uuid, kind, wwn, wwid):
    attributes = {
        "dev": "253:0",
        "dm/name": "my--vg-my--lv\n",
        "dm/uuid": uuid,
        "dm/suspended": "0",
    }
    udev = f"E:DM_NAME=x\nE:ID_SERIAL=3{NAA}\n"
    files = block_device("dm-0", "virtual/block/dm-0", attributes, udev)
    files |= {"sys/devices/virtual/block/dm-0/slaves/sda": "-> ../../sda"}
    device = described(tmp_path, files)["dm-0"]
    assert (device.type, device.wwn, device.device_mapper.multipath_wwid) == (kind, wwn, wwid)
    assert device.dm_uuid == device.device_mapper.uuid == uuid
    assert "/dev/mapper/my--vg-my--lv" in device.paths
    assert list(device.slaves) == ["sda"]
    assert device.parent == ("sda" if kind == "partition" else "")
    assert not device.HasField("serial")
    if kind == "lvm":
        mapper = device.device_mapper
        assert (mapper.volume_group, mapper.logical_volume) == ("my-vg", "my-lv")


def test_an_iscsi_disk_names_target_and_unit(tmp_path):
    session = {"sys/class/iscsi_session/session4/targetname": "iqn.2026-01.org.example:t\n"}
    device = described(tmp_path, block_device("sdb", ISCSI, {"dev": "8:16"}), session)["sdb"]
    assert (device.iscsi.target_name, device.iscsi.lun) == ("iqn.2026-01.org.example:t", 7)


def test_what_has_nothing_behind_it_is_left_out(tmp_path):
    found = described(
        tmp_path,
        block_device("loop0", "virtual/block/loop0", {"dev": "7:0", "size": "0"}),
        block_device(
            "loop1",
            "virtual/block/loop1",
            {"dev": "7:1", "loop/backing_file": "/srv/a b.img\n"},
        ),
        block_device("ram0", "virtual/block/ram0", {"dev": "1:0"}),
        block_device("zram0", "virtual/block/zram0", {"dev": "252:0"}),
        block_device("nbd0", "virtual/block/nbd0", {"dev": "43:0", "size": "0"}),
        block_device("md0", "virtual/block/md0", {"dev": "9:0", "md/level": "raid1"}),
        block_device("nvme0c0n1", f"{NVME}x", {"dev": "259:9", "hidden": "1"}),
        block_device("sr0", SATA.replace("sda", "sr0"), {"dev": "11:0", "size": "0"}),
        block_device("cciss!c0d0", "pci0000:00/cciss0/c0d0/block/cciss!c0d0", {"dev": "104:0"}),
    )
    kinds = {name: device.type for name, device in found.items()}
    assert kinds == {"loop1": "loop", "md0": "md", "sr0": "rom", "cciss/c0d0": "disk"}
    assert found["loop1"].loop_backing_file == "/srv/a b.img"
    assert list(found["cciss/c0d0"].paths) == ["/dev/cciss/c0d0"]


def test_a_host_without_block_devices_has_an_empty_part(tmp_path):
    assert not collect(make_host(tmp_path, {})).devices


def test_parse_entry_keeps_properties_and_links():
    text = (
        "S:disk/by-id/b\nS:disk/by-id/a\nL:0\nI:99\nE:A=1=2\nE:EMPTY=\nE:none\nG:tag\nQ:x\nV:1\n:\n"
    )
    assert parse_entry(text) == {
        "A": "1=2",
        "EMPTY": "",
        "DEVLINKS": "/dev/disk/by-id/a /dev/disk/by-id/b",
    }


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1)


@given(st.dictionaries(words.filter(lambda word: "=" not in word), words))
def test_parse_entry_reads_what_was_written(properties):
    properties.pop("DEVLINKS", None)
    text = "".join(f"E:{key}={value}\n" for key, value in properties.items())
    assert parse_entry(text) == properties


@given(st.text())
def test_parse_entry_survives_anything(text):
    assert all(isinstance(value, str) for value in parse_entry(text).values())


def test_a_property_that_is_no_text_counts_as_unset():
    class Broken(dict):
        def __getitem__(self, key):
            if key == "BAD":
                raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")
            return super().__getitem__(key)

    properties = _TextProperties(Broken(GOOD="1", BAD="2"))
    assert (properties.get("GOOD"), properties.get("BAD"), properties.get("NONE")) == (
        "1",
        None,
        None,
    )


def test_libudev_is_asked_only_where_udev_keeps_a_database(monkeypatch, tmp_path):
    """Its Python binding takes longer to load than everything else about disks."""
    monkeypatch.setattr(udev, "_DATABASE", str(tmp_path / "data"))
    assert isinstance(udev.block_database(Host()), udev.RecordedDatabase)
    (tmp_path / "data").mkdir()
    assert isinstance(udev.block_database(Host()), udev.LiveDatabase)
    assert isinstance(udev.block_database(Host(tmp_path)), udev.RecordedDatabase)
