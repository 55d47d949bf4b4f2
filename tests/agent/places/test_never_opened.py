"""What is never opened: devices, FIFOs, files of the kernel, disks of the host itself."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.agent.places.asked import (
    write,
)
from vmfit_agent.host import Host
from vmfit_agent.storage import own_devices, permitted_places
from vmfit_agent.storage.mount_guard import Way
from vmfit_agent.storage.mountinfo import parse_mountinfo
from vmfit_agent.storage.permitted_places import PermittedPlaces
from vmfit_agent.storage.seen_file import NoStorage, SeenFile


def test_files_of_the_kernel_are_no_storage_wherever_they_are_mounted(tmp_path, monkeypatch):
    place = write(tmp_path / "file")
    status = place.stat()
    number = f"0:{os.minor(status.st_dev)}"
    table = parse_mountinfo(f"1 0 {number} / {tmp_path} rw - debugfs d rw\n")
    monkeypatch.setattr(permitted_places, "read_mounts", lambda _: table)
    monkeypatch.setattr(SeenFile, "file_system_number", number)
    with SeenFile(str(place)) as seen:
        assert "not on storage" in PermittedPlaces(Host()).content_refusal(
            Way(str(place), str(place), ()), seen
        )


@pytest.mark.parametrize("node", ["/dev/ptmx", "/dev/kmsg", "/dev/random", "/dev/watchdog"])
def test_device_nodes_and_fifos_are_never_opened(tmp_path, node):
    os.mkfifo(tmp_path / "fifo")
    program = f"""
from tests.agent.probes.permissive import terms
from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit_agent.describe import describe_vm
from vmfit_agent.host import Host
from vmfit_contract.access import LOCAL
disk = "<disk type='file'><driver type='qcow2'/><source file='%s'/></disk>"
places = [{node!r}, "{tmp_path}/fifo"]
xml = "<domain><name>g</name><os><kernel>%s</kernel><initrd>%s</initrd></os><devices>%s</devices>"
xml = xml % (*places, "".join(disk % each for each in places)) + "</domain>"
describe_vm(DescribeVmRequest(xml=xml), Host(), LOCAL)
"""
    python = [os.sys.executable, "-c", program]
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-e", "trace=open,openat,openat2,creat", "-o", str(trace), *python]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("strace is not installed")
    opened = [line for line in trace.read_text().splitlines() if node in line or "/fifo" in line]
    assert opened, "nothing was looked at"
    assert all("O_PATH" in line for line in opened), opened


def test_what_is_no_storage_cannot_be_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, "/dev/null"):
        with SeenFile(str(path)) as seen, pytest.raises(NoStorage):
            seen.open()


@pytest.mark.parametrize(
    ("mounts", "swaps", "layers", "used"),
    [
        ("", "", {}, False),
        ("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n", "", {}, True),
        ("1 0 8:2 / / rw - ext4 /dev/sda2 rw\n", "", {}, False),
        ("1 0 8:2 / / rw - ext4 /dev/sda2 rw\n", "", {"8:1": {"8:2"}}, True),
        ("1 0 9:9 / / rw - ext4 /d rw\n", "", {"8:1": {"8:2"}, "8:2": {"9:9"}}, True),
        ("1 0 0:5 / / rw - btrfs /dev/used rw\n", "", {}, True),
        ("", "/dev/used", {}, True),
        ("", "/dev/used", {"8:1": {"8:2"}}, True),
    ],
)
def test_disks_that_the_host_itself_uses(monkeypatch, mounts, swaps, layers, used):
    monkeypatch.setattr(own_devices, "_directly_on", lambda number: layers.get(number, ()))
    monkeypatch.setattr(own_devices, "_swaps", lambda: {swaps} - {""})
    monkeypatch.setattr(own_devices, "_number", lambda path: {"/dev/used": "8:1"}.get(path, ""))
    assert own_devices.host_uses("8:1", parse_mountinfo(mounts)) is used


def test_what_lies_on_a_disk_is_read_from_sysfs():
    for partition in Path("/sys/class/block").glob("*/partition"):
        number = (partition.parent / "dev").read_text().strip()
        disk = (partition.parent.resolve().parent / "dev").read_text().strip()
        assert number in own_devices._directly_on(disk)
        return
    pytest.skip("no disk has partitions")
