"""The recorded hosts of tests/hosts: what they are, and what a check between them says."""

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

from vmfit.v1.comparator_service_pb2 import CheckRequest
from vmfit.v1.finding_pb2 import Answer
from vmfit_agent.local_host import HostOptions, local_source
from vmfit_comparator import Engine

HOSTS = Path(__file__).parents[1] / "hosts"
EPYC, SKYLAKE = "epyc-four-nodes", "skylake-memory-only-node"
ATTRIBUTES = Path("/etc/vmfit/attributes.d")


@functools.cache
def snapshot(name):
    host = HostOptions(HOSTS / name, (), ATTRIBUTES).open()
    return local_source(host).snapshot((), 0.0, {})


def disks(name):
    return {
        disk.name: (disk.bus, disk.wwn if disk.HasField("wwn") else None)
        for disk in snapshot(name).block_devices.devices
    }


@pytest.mark.parametrize("name", [EPYC, SKYLAKE])
def test_every_part_is_there_without_complaint(name):
    parts = snapshot(name).parts
    assert len(parts) == 17
    assert {part.name: part.error for part in parts if part.error} == {}
    assert {part.name: list(part.warnings) for part in parts if part.warnings} == {}
    assert snapshot(name).identity.hostname == name


@pytest.mark.parametrize(
    ("name", "vendor", "nodes"),
    [
        (EPYC, "AuthenticAMD", [(0, [0, 1]), (1, [2, 3]), (2, [4, 5]), (3, [6, 7])]),
        # The last node is memory alone, as CXL gives it.
        (SKYLAKE, "GenuineIntel", [(0, [0, 1]), (1, [2, 3]), (2, [])]),
    ],
)
def test_topology(name, vendor, nodes):
    found = snapshot(name)
    assert [(node.node_id, list(node.cpu_ids)) for node in found.numa.nodes] == nodes
    assert all(len(node.distances) == len(nodes) for node in found.numa.nodes)
    assert all(node.total_bytes > 800 << 20 for node in found.numa.nodes)
    assert list(found.cpu.online_cpu_ids) == sorted(cpu for _, cpus in nodes for cpu in cpus)
    assert found.cpu.vendor == vendor


def test_disks_by_bus_and_name():
    assert disks(EPYC) == {
        "dm-0": ("", None),
        "nvme0n1": (
            "nvme",
            "nvme.1b36-4e564d452d30303031-51454d55204e564d65204374726c-00000001",
        ),
        "sda": ("scsi", "5000c50000000001"),
        "sdb": ("scsi", "5000c50000000002"),
        "sdc": ("scsi", "5000c50000000003"),
        "sdd": ("usb", None),
        "vda": ("virtio", None),
    }
    assert disks(SKYLAKE) == {
        "dm-0": ("", None),
        "sda": ("scsi", "5000c50000000009"),
        "sdb": ("scsi", "5000c50000000003"),
        "sdc": ("scsi", "5000c50000000001"),
        "sdd": ("ata", None),
        "sde": ("usb", None),
    }


def test_domains_and_bridges():
    vms = {name: {vm.name for vm in snapshot(name).domains.vms} for name in (EPYC, SKYLAKE)}
    assert vms == {EPYC: {"archive", "backup", "web"}, SKYLAKE: {"backup", "shop"}}
    bridges = {
        name: {each.name for each in snapshot(name).network.interfaces if each.type == "bridge"}
        for name in (EPYC, SKYLAKE)
    }
    assert bridges == {EPYC: {"br0", "br1"}, SKYLAKE: {"br0"}}


def check(vm, source, destination):
    with Engine() as engine:
        request = CheckRequest()
        request.source.snapshot.CopyFrom(snapshot(source))
        request.destination.snapshot.CopyFrom(snapshot(destination))
        request.vm.name_or_uuid = vm
        response = engine.check(request)
    return response, {finding.fact: finding for finding in response.findings}


@pytest.mark.parametrize(
    ("vm", "source", "destination"), [("web", EPYC, SKYLAKE), ("shop", SKYLAKE, EPYC)]
)
def test_a_guest_on_a_shared_lun_can_move(vm, source, destination):
    response, findings = check(vm, source, destination)
    assert response.verdict.answer >= Answer.ANSWER_PROBABLY_YES, response.verdict.summary
    assert findings["storage.disk_identity"].answer == Answer.ANSWER_YES


def test_what_a_guest_lacks_there_is_named_all_at_once():
    response, findings = check("archive", EPYC, SKYLAKE)
    assert response.verdict.answer == Answer.ANSWER_NO
    assert findings["net.bridge"].answer == Answer.ANSWER_NO
    assert "br1" in findings["net.bridge"].reason
    assert findings["net.bridge"].remedies
    assert findings["storage.disk_identity"].answer == Answer.ANSWER_NO


def test_equal_disks_on_usb_are_but_probably_the_same():
    _, findings = check("backup", EPYC, SKYLAKE)
    assert findings["storage.disk_identity"].answer == Answer.ANSWER_PROBABLY_YES


def test_a_clone_has_all_that_the_recordings_had():
    git = shutil.which("git")
    if git is None or not (HOSTS.parents[1] / ".git").exists():
        pytest.skip("not in a git checkout")
    assert not [path for path in HOSTS.rglob("*") if path.is_dir() and not any(path.iterdir())]
    listed = subprocess.run(
        [git, "ls-files", "-z", "."], cwd=HOSTS, capture_output=True, check=True
    ).stdout.split(b"\0")
    present = {
        str(path.relative_to(HOSTS)).encode()
        for path in HOSTS.rglob("*")
        if path.is_symlink() or path.is_file()
    }
    assert present <= set(listed)
