"""Mounts of recorded and live hosts; servers that do not answer."""

import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from tests.agent.device_tree import block_device, make_host
from vmfit.v1.storage_pb2 import Mounts
from vmfit_agent.collectors.mounts import collect
from vmfit_agent.storage import filesystem_status
from vmfit_agent.storage.filesystem_status import FilesystemProbe
from vmfit_agent.storage.mount_table import mount_table

ROOT = "25 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
SDA1 = block_device(
    "sda1", "pci0000:00/ata1/block/sda/sda1", {"dev": "8:1", "partition": "1"}, "E:ID_FS_UUID=u-1\n"
)
NUMBER = {"sys/dev/block/8:1": "-> ../../devices/pci0000:00/ata1/block/sda/sda1"}


def mounts_of(tmp_path, table, files=()):
    host = make_host(tmp_path, {"proc/self/mountinfo": table, **dict(files)})
    return {each.mount_point: each for each in collect(host).mounts}


def test_a_recording_has_identities_but_no_sizes(tmp_path):
    table = (
        ROOT + "26 25 0:50 /@home /home rw - btrfs /dev/sda1 rw,subvol=/@home\n"
        "27 25 0:51 / /vm rw - nfs4 Nas:/export/vm/ rw,addr=192.0.2.1\n"
        "28 25 0:52 / /c rw - ceph 192.0.2.2:6789:/ rw\n"
        "29 25 0:5 / /proc rw - proc proc rw\n"
    )
    found = mounts_of(tmp_path, table, {**SDA1, **NUMBER})
    assert list(found) == ["/", "/home", "/vm", "/c", "/proc"]
    assert found["/"].filesystem_uuid == found["/home"].filesystem_uuid == "u-1"
    assert found["/home"].root == "/@home"
    assert (found["/vm"].server, found["/vm"].export) == ("nas", "/export/vm")
    assert found["/vm"].filesystem_uuid == "nas:/export/vm"
    assert found["/vm"].source == "Nas:/export/vm/"
    assert found["/vm"].shared
    # The monitors are as good as each other: none of them identifies the cluster.
    assert not found["/c"].HasField("filesystem_uuid")
    for each in found.values():
        assert not each.HasField("size_bytes")
        assert not each.HasField("fsid")
        assert not each.hung


def test_no_mount_table_is_no_part(tmp_path):
    with pytest.raises(OSError, match="mountinfo"):
        collect(make_host(tmp_path, {}))


def test_a_malformed_mount_table_is_no_part(tmp_path):
    with pytest.raises(ValueError, match="not a mount"):
        mounts_of(tmp_path, "what?\n")


@pytest.fixture
def dead_server(monkeypatch):
    """Make statvfs of /dead wait until the test ends, and count the calls."""
    revived, calls = threading.Event(), []

    def statvfs(path):
        calls.append(path)
        if path.startswith("/dead"):
            revived.wait(20)
        if path == "/denied":
            raise PermissionError(13, "Permission denied")
        return SimpleNamespace(
            f_blocks=10, f_frsize=4096, f_bavail=5, f_files=0, f_favail=0, f_fsid=0xAB
        )

    monkeypatch.setattr(filesystem_status.os, "statvfs", statvfs)
    yield SimpleNamespace(calls=calls, revive=revived.set)
    revived.set()


def test_dead_servers_cost_one_budget_and_are_remembered(dead_server):
    probe = FilesystemProbe(budget_seconds=0.2)
    started = time.monotonic()
    first = probe.ask(["/dead", "/dead2", "/alive", "/denied"])
    assert time.monotonic() - started < 2
    assert first["/dead"].hung
    assert first["/dead2"].hung
    assert first["/dead"].size_bytes is None
    assert (first["/alive"].size_bytes, first["/alive"].available_bytes) == (40960, 20480)
    assert first["/alive"].fsid == "00000000000000ab"
    assert first["/denied"].error == "Permission denied"
    assert not first["/denied"].hung

    started = time.monotonic()
    again = probe.ask(["/dead", "/alive"])
    assert time.monotonic() - started < 0.15
    assert again["/dead"].hung
    assert dead_server.calls.count("/dead") == 1

    dead_server.revive()
    deadline = time.monotonic() + 10
    while probe.ask(["/dead"])["/dead"].hung and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not probe.ask(["/dead"])["/dead"].hung


def test_a_slow_server_is_not_hung_for_the_second_who_asks(dead_server):
    probe = FilesystemProbe(budget_seconds=5)
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(probe.ask(["/dead"])["/dead"]))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    dead_server.revive()
    for thread in threads:
        thread.join(10)
    assert [answer.hung for answer in answers] == [False, False]
    assert dead_server.calls == ["/dead"]


def test_this_hosts_root_has_sizes():
    from vmfit_agent.host import Host  # noqa: PLC0415

    root = next(each for each in collect(Host()).mounts if each.mount_point == "/")
    expected = os.statvfs("/")
    assert root.size_bytes == expected.f_blocks * expected.f_frsize
    assert 0 < root.available_bytes <= root.size_bytes
    assert not root.hung


def test_the_hosts_mounts_are_those_of_its_first_process(tmp_path):
    def table(name, own, first):
        root = tmp_path / name
        make_host(root, {"proc/self/mountinfo": own, "proc/1/mountinfo": first})
        return mount_table(root)

    read_only = ROOT.replace("rw,", "ro,", 1) + "30 25 0:9 / /etc ro - ext4 /dev/sda1 rw\n"
    assert table("confined", read_only, ROOT) == "proc/1/mountinfo"
    # In a container beside the host's processes, paths are the container's.
    container = ROOT.replace(" / / ", " /var/lib/container / ")
    assert table("contained", container, ROOT) == "proc/self/mountinfo"
    assert table("without", ROOT, "") == "proc/self/mountinfo"


CONFINED = """
import sys
from vmfit.v1.storage_pb2 import Mounts
from vmfit_agent.collectors.mounts import collect
from vmfit_agent.host import Host
sys.stdout.buffer.write(collect(Host()).SerializeToString())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes mount and process namespaces")
def test_what_systemd_makes_read_only_for_the_agent_is_not_so_for_guests(tmp_path):
    # As ProtectSystem= and ProtectKernelLogs= do, under a first process that sees the host.
    confine = (
        "mount --bind /etc /etc && mount -o remount,bind,ro /etc && "
        'mount -t tmpfs tmpfs /usr/share && exec "$@"'
    )
    script = f'"$@" >{tmp_path}/free; unshare -m sh -c \'{confine}\' sh "$@" >{tmp_path}/confined'
    first = ["unshare", "-mpf", "--mount-proc", "sh", "-c", script, "sh"]
    subprocess.run([*first, sys.executable, "-c", CONFINED], check=True)
    free = Mounts.FromString((tmp_path / "free").read_bytes())
    confined = Mounts.FromString((tmp_path / "confined").read_bytes())
    for mount in (*free.mounts, *confined.mounts):
        mount.ClearField("available_bytes")
        mount.ClearField("available_inode_count")
    assert free.mounts
    assert "/etc" not in [each.mount_point for each in free.mounts]
    assert confined == free
