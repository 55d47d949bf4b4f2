"""A definition that names a program as its emulator, described over a real libvirtd: a few seconds.

libvirtd starts whatever program it is asked about, which the first test shows of this very one.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab import lone_host

from tests.agent.probes.permissive import terms
from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit.v1.probe_pb2 import ReadDefinition
from vmfit_agent.describe import describe_vm
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.probes.read_definition import read_definition
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.virtualization.libvirt_connection import LiveLibvirt
from vmfit_contract.access import LOCAL

TOOLS = ("libvirtd", "qemu-system-x86_64", "bindfs", "nsenter", "unshare", "ip")
PROGRAM = "/srv/plain/not-qemu"
QEMU = "/usr/bin/qemu-system-x86_64"
SCRIPT = f"<script path='{PROGRAM}'/><target dev='planted'/>"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(
        not all(map(shutil.which, TOOLS)), reason=f"needs all of {', '.join(TOOLS)}"
    ),
]
pytest.importorskip("libvirt", reason="the libvirt Python module is not installed")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with lone_host(tmp_path_factory.mktemp("lab")) as host:
        yield host


@pytest.fixture
def program(machine):
    """A program that whoever shares a directory with the host could have put there."""
    place = machine.state.parent / "shared/not-qemu"
    place.write_text("#!/bin/sh\necho ran >> /srv/plain/ran\nexit 1\n")
    place.chmod(0o755)
    ran = place.with_name("ran")
    ran.touch()
    ran.chmod(0o666)
    ran.write_text("")
    return ran


@pytest.fixture(scope="module")
def agents_host(machine):
    socket = f"/proc/{machine.pid}/root/run/libvirt/libvirt-sock"
    return Host(libvirt=LiveLibvirt([f"qemu+unix:///system?socket={socket}"]))


def definition(emulator, cpu):
    return (
        "<domain type='qemu'><name>g</name><os><type arch='x86_64' machine='pc'>hvm</type></os>"
        f"{cpu}<devices><emulator>{emulator}</emulator></devices></domain>"
    )


def test_libvirt_runs_a_program_that_it_is_asked_about(agents_host, program):
    connection = agents_host.libvirt.connect(agents_host.libvirt.uris[0])
    with pytest.raises(LibvirtUnavailable):
        connection.domain_capabilities(PROGRAM, "x86_64", "pc", "qemu")
    assert program.read_text().startswith("ran")


@pytest.mark.parametrize(
    "cpu",
    [
        "<cpu mode='host-model'/>",
        "<cpu mode='host-passthrough'/>",
        "<cpu mode='maximum'/>",
        "<cpu><model>qemu64</model><feature policy='optional' name='vmx'/></cpu>",
    ],
)
def test_a_definition_has_no_program_run(agents_host, program, cpu):
    answer = describe_vm(DescribeVmRequest(xml=definition(PROGRAM, cpu)), agents_host, LOCAL)
    assert program.read_text() == ""
    if "host" in cpu:
        assert not answer.vm.cpu.expanded
        assert "none of the emulators that libvirt lists" in answer.vm.cpu.expansion_error


def links_made(machine):
    """Make a link, whose number tells how many the host has had."""
    made = "ip tuntap add dev counted mode tap && cat /sys/class/net/counted/ifindex"
    return int(machine.run(f"{made} && ip link del counted").stdout)


@pytest.mark.parametrize(
    "devices",
    [
        f"<emulator>{PROGRAM}</emulator>",
        f"<emulator><x>{PROGRAM}</x></emulator>",
        f"<emulator>{QEMU}</emulator><emulator>{PROGRAM}</emulator>",
        f"<emulator>{QEMU}</emulator><interface type='ethernet'>{SCRIPT}</interface>",
        f"<emulator>{QEMU}</emulator><interface type='bridge'><source bridge='br0'/></interface>",
    ],
)
def test_a_definition_that_is_read_has_nothing_run_or_made(machine, agents_host, program, devices):
    before = links_made(machine)
    xml = definition("@", "").replace("<os>", "<memory>65536</memory><os>")
    xml = xml.replace("<emulator>@</emulator>", devices)
    with contextlib.suppress(Unanswerable):
        read_definition(ReadDefinition(xml=xml), terms(20, agents_host))
    assert program.read_text() == ""
    assert links_made(machine) == before + 1


def test_the_hosts_own_emulator_expands_as_ever(agents_host, program):
    request = DescribeVmRequest(xml=definition(QEMU, "<cpu mode='host-model'/>"))
    found = describe_vm(request, agents_host, LOCAL).vm.cpu
    assert found.expanded, found.expansion_error
    assert len(found.expanded_features) > 20
    assert program.read_text() == ""
