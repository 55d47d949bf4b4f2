"""What paths are: on this host, on recordings, and behind dead servers."""

import hashlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.device_tree import block_device, make_host
from vmfit.v1.storage_pb2 import BlockDevice, DeviceMapper, IscsiLun
from vmfit_agent.host import Host
from vmfit_agent.networking.unix_sockets import listening_paths
from vmfit_agent.storage import content_hash, filesystem_status, mount_guard
from vmfit_agent.storage.content_hash import ContentHashes
from vmfit_agent.storage.element import DEVICE
from vmfit_agent.storage.host_path import PathInspector
from vmfit_agent.storage.mount_guard import holding_mount
from vmfit_agent.storage.mountinfo import parse_mountinfo
from vmfit_agent.storage.path_identity import block_identity
from vmfit_agent.storage.path_resolution import resolve

NAA = "6001405aaaabbbbccccddddeeeeffff0"

KEY = bytes(range(32))


@pytest.fixture
def inspector():
    return PathInspector(Host(), content_key=KEY)


def test_a_file(inspector, tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(b"x" * 5000)
    path.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to("./a/../disk.img")
    (tmp_path / "a").mkdir()
    answer = inspector.describe(str(link), hash_content=True)
    status = path.stat()
    assert answer.exists
    assert answer.kind == "file"
    assert answer.real_path == os.path.realpath(path)
    assert (answer.size_bytes, answer.inode, answer.mode) == (5000, status.st_ino, 0o640)
    assert (answer.owner_id, answer.group_id) == (status.st_uid, status.st_gid)
    assert not answer.HasField("sha256")
    content = hashlib.sha256(b"x" * 5000).digest()
    keyed = hashlib.blake2b(content, digest_size=16, key=KEY).hexdigest()
    assert answer.keyed_hash.partition(":")[2] == keyed
    mount_point = answer.filesystem.mount_point
    assert os.path.ismount(mount_point)
    assert Path(mount_point).stat().st_dev == status.st_dev
    assert answer.filesystem.HasField("available_bytes")
    assert not answer.error
    plain = inspector.describe(str(path))
    assert not plain.HasField("real_path") or os.path.realpath(path) != str(path)
    assert not plain.HasField("sha256")


@pytest.mark.parametrize(
    ("name", "parent"), [("none", ""), ("a/b/none", ""), ("d/e/none", "d/e"), ("file/none", "")]
)
def test_what_is_absent_has_a_parent(inspector, tmp_path, name, parent):
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "file").touch()
    answer = inspector.describe(str(tmp_path / name))
    assert answer.HasField("exists")
    assert not answer.exists
    assert answer.existing_parent == str(tmp_path / parent).rstrip("/")
    assert answer.filesystem.HasField("available_bytes")
    assert not answer.kind
    assert not answer.HasField("inode")


def test_other_kinds(inspector, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        kinds = {
            name: inspector.describe(name, hash_content=True).kind
            for name in (str(tmp_path / "fifo"), str(tmp_path / "socket"), "/")
        }
    assert list(kinds.values()) == ["fifo", "socket", "directory"]
    device = inspector.describe("/dev/null", DEVICE)
    assert device.kind == "character"
    assert not device.HasField("filesystem")


def test_whether_something_listens_at_a_socket(inspector, tmp_path):
    here, link = tmp_path / "a.sock", tmp_path / "link"
    link.symlink_to(here)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(here))
        listener.listen()
        assert inspector.describe(str(here)).listening
        assert inspector.describe(str(link)).listening
    found = PathInspector(Host()).describe(str(here))

    assert found.kind == "socket"
    assert found.listening is False
    assert not inspector.describe("/dev/null", DEVICE).HasField("listening")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (None, None),
        ("Num\n0: 00000002 00000000 00010000 0001 01 7 /run/my con/a.sock\n", True),
        ("Num\n0: 00000002 00000000 00000000 0001 03 7 /run/my con/a.sock\n", False),
        ("Num\n0: 00000002 00000000 zebra 0001 03 7 /run/my con/a.sock\n0: 1\n", False),
    ],
)
def test_the_table_of_sockets(tmp_path, table, expected):
    if table is not None:
        (tmp_path / "proc/net").mkdir(parents=True)
        (tmp_path / "proc/net/unix").write_text(table)
    found = listening_paths(Host(root=tmp_path))
    assert (None if found is None else "/run/my con/a.sock" in found) is expected


def test_what_may_not_be_looked_at_says_so(inspector, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    answer = inspector.describe(str(tmp_path / "loop"))
    assert answer.error == "Too many levels of symbolic links"
    assert not answer.HasField("exists")
    for path in ("relative", "", "/nul\0", "/" + "x" * 5000):
        assert inspector.describe(path).error == "not an absolute path"
    assert inspector.describe("/" + "x" * 300).error == "File name too long"


def test_a_link_to_a_name_that_is_no_text(inspector, tmp_path):
    (tmp_path / "link").symlink_to("\udcff")
    answer = inspector.describe(str(tmp_path / "link"))
    assert answer.error == "a symbolic link leads to a name that is no text"


def test_hashes_are_remembered_until_the_file_changes(tmp_path, monkeypatch):
    hashed = []
    real = content_hash._hash
    monkeypatch.setattr(content_hash, "_hash", lambda fd: hashed.append(fd) or real(fd))
    hashes, path = ContentHashes(), tmp_path / "firmware"

    def sha256(opened):
        descriptor = os.open(opened, os.O_RDONLY)
        try:
            return hashes.sha256(descriptor)
        finally:
            os.close(descriptor)

    path.write_bytes(b"one")
    first = sha256(path)
    assert sha256(path) == first
    assert len(hashed) == 1
    path.write_bytes(b"longer")
    assert sha256(path) == hashlib.sha256(b"longer").hexdigest()
    os.truncate(path, (64 << 20) + 1)
    assert sha256(path) is None
    assert sha256(tmp_path) is None


@pytest.fixture
def dead_server(tmp_path, monkeypatch):
    """Mount a made dead NFS server at tmp_path/nfs, with a link that leads into it."""
    point = tmp_path / "nfs"
    point.mkdir()
    (tmp_path / "link").symlink_to(point / "disk.img")
    line = f"99 1 0:77 / {point} rw - nfs4 nas:/vm rw\n"
    table = parse_mountinfo("25 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + line)
    monkeypatch.setattr(mount_guard, "read_mounts", lambda _: table)
    revived, real = threading.Event(), os.statvfs

    def statvfs(path):
        if path == str(point):
            revived.wait(20)
        return real(path)

    monkeypatch.setattr(filesystem_status.os, "statvfs", statvfs)
    probe = filesystem_status.FilesystemProbe(budget_seconds=0.2)
    monkeypatch.setattr(mount_guard, "FILESYSTEM_PROBE", probe)
    yield tmp_path
    revived.set()


def test_a_dead_server_costs_little_and_is_named(dead_server):
    inspector = PathInspector(Host())
    started = time.monotonic()
    for name in ("nfs/disk.img", "link", "nfs", "nfs/deep/er"):
        answer = inspector.describe(str(dead_server / name))
        assert answer.error == f"{dead_server}/nfs (nfs4 nas:/vm) does not answer"
        assert not answer.HasField("exists")
    assert inspector.describe(str(dead_server)).kind == "directory"
    assert time.monotonic() - started < 1
    started = time.monotonic()
    assert PathInspector(Host()).describe(str(dead_server / "link")).error
    assert time.monotonic() - started < 0.15


def test_a_device_without_a_medium_is_empty():
    for size in Path("/sys/class/block").glob("*/size"):
        node = Path("/dev") / size.parent.name
        if size.read_text() == "0\n" and node.is_block_device():
            found = PathInspector(Host()).describe(str(node))
            assert (found.kind, found.HasField("size_bytes"), found.size_bytes) == (
                "block",
                True,
                0,
            )
            return
    pytest.skip("every block device has a medium")


def test_a_recording_tells_what_its_tables_tell(tmp_path):
    path = "platform/host9/session4/target9:0:0/9:0:0:7/block/sdb"
    udev = f"S:disk/by-id/wwn-0x{NAA}\nE:ID_WWN_WITH_EXTENSION=0x{NAA}\nE:ID_BUS=scsi\n"
    session = {"sys/class/iscsi_session/session4/targetname": "iqn.t"}
    table = (
        "25 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "26 25 0:51 / /vm ro - nfs nas:/export rw\n"
        "27 26 0:52 / /vm/deep rw - tmpfs t rw\n"
    )
    files = block_device("sdb", path, {"dev": "8:16"}, udev)
    host = make_host(tmp_path, {**files, **session, "proc/self/mountinfo": table})
    inspector = PathInspector(host)

    disk = inspector.describe(f"/dev/disk/by-id/wwn-0x{NAA}")
    assert (disk.kind, disk.size_bytes, disk.block.wwn) == ("block", 2048 * 512, NAA)
    assert (disk.block.iscsi_target_name, disk.block.iscsi_lun) == ("iqn.t", 7)
    assert disk.block.name == "sdb"
    file = inspector.describe("/vm/disk.img", hash_content=True)
    assert (file.filesystem.source, file.filesystem.uuid) == ("nas:/export", "nas:/export")
    assert file.filesystem.shared
    assert file.filesystem.read_only
    assert inspector.describe("/vm/deep").filesystem.type == "tmpfs"
    assert inspector.describe("/vmx").filesystem.mount_point == "/"
    for answer in (disk, file, inspector.describe("/dev/none")):
        assert not answer.HasField("exists")
        assert not answer.HasField("inode")
        assert not answer.error
    assert not inspector.describe("/dev/none").HasField("block")


def test_a_recording_without_a_mount_table(tmp_path):
    host = make_host(tmp_path, {})
    assert not PathInspector(host).describe("/x").HasField("filesystem")
    assert "mountinfo" in host.warnings[0]


def test_the_mount_that_holds_a_path():
    table = parse_mountinfo(
        "1 0 8:1 / / rw - ext4 a rw\n"
        "2 1 8:2 / /srv rw - ext4 b rw\n"
        "3 2 8:3 / /srv/vm rw - ext4 c rw\n"
        "4 1 8:4 / /srv rw - ext4 d rw\n"
    )
    assert holding_mount(table, "/srv/vm/x", "8:4").source == "d"  # c is hidden below d
    assert holding_mount(table, "/srv/vm/x", "8:3").source == "c"
    assert holding_mount(table, "/srv/x").source == "d"
    assert holding_mount(table, "/srvx").source == "a"
    assert holding_mount(table, "/srv/vm/x", "0:99").source == "c"
    assert holding_mount([], "/srv") is None


def test_a_device_keeps_its_identity():
    device = BlockDevice(
        name="dm-1",
        vendor="v",
        model="m",
        serial="s",
        wwn="w",
        bus="scsi",
        transport="fc",
        dm_uuid="mpath-3w",
        filesystem_uuid="f",
        partition_uuid="p",
        nvme_nguid="n",
        iscsi=IscsiLun(target_name="t", lun=0),
        device_mapper=DeviceMapper(multipath_wwid="3w"),
    )
    identity = block_identity(device)
    for field in identity.DESCRIPTOR.fields:
        assert identity.HasField(field.name) if field.has_presence else identity.name == "dm-1"
    bare = block_identity(BlockDevice(name="sda"))
    assert [field.name for field, _ in bare.ListFields()] == ["name"]


parts = st.lists(st.sampled_from(["a", "b", "up", "abs", "..", ".", ""]), max_size=8)


@given(parts)
def test_links_are_followed_as_realpath_follows_them(tmp_path_factory, names):
    base = tmp_path_factory.getbasetemp() / "links"
    if not base.exists():
        (base / "a/b").mkdir(parents=True)
        (base / "a/up").symlink_to("../b")
        (base / "b").mkdir()
        (base / "a/abs").symlink_to(base / "a")
        (base / "abs").symlink_to("a/abs/b")
    path = "/".join([str(base), *names])
    if ".." not in names:
        assert resolve(path, lambda _: None) == os.path.realpath(path)
    assert resolve(path, lambda _: None).startswith("/")
