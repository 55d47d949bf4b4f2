"""What the answers tell of the system's own files: nothing."""

import os
import socket

import pytest

from tests.agent.places.asked import (
    LARGE_SECRET,
    READER,
    SMALL_SECRET,
    described,
    every_answer,
    hashing,
    kernel,
    question,
    write,
)
from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import AccessPath
from vmfit.v1.vm_pb2 import HostPath
from vmfit_agent.host import Host
from vmfit_agent.path_elements import named_paths
from vmfit_agent.probes.access_path import access_path
from vmfit_agent.probes.hash_blocks import hash_blocks
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.storage.element import (
    DEVICE,
    DIRECTORY,
    IMAGE,
    MADE,
    PROGRAM,
    SOCKET,
)
from vmfit_agent.storage.host_path import PathInspector
from vmfit_contract.access import Caller, Role


def test_a_caller_without_the_role_gets_the_paths_names_back(tmp_path):
    image = write(tmp_path / "disk.img")
    xml = (
        f"<domain><name>g</name><seclabel type='static' model='dac'><label>root:root</label>"
        f"</seclabel><os><kernel>{image}</kernel></os><devices>"
        f"<disk type='file'><driver type='raw'/><source file='{image}'/></disk>"
        f"<disk type='block'><source dev='/dev/null'/></disk>"
        f"<serial type='unix'><source path='{tmp_path}/s'/></serial></devices></domain>"
    )
    vm = described(xml, READER)
    paths = [path for path, _, _ in named_paths(vm)]
    assert len(paths) == 4
    for path in paths:
        assert path.error == "paths are looked at for callers with the role probe"
        assert path == HostPath(path=path.path, error=path.error)
    assert not vm.security_labels[0].HasField("names_exist")
    assert not vm.disks[0].source.HasField("virtual_size_bytes")
    assert not vm.disks[0].source.HasField("allocation_bytes")
    told = described(xml, Caller("dns:comparator.example", frozenset((Role.PROBE,))))
    assert told.kernel.keyed_hash
    assert told.disks[0].source.virtual_size_bytes == len(LARGE_SECRET)
    assert told.security_labels[0].names_exist


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow", "/etc/passwd", "/etc/ssl/certs", "/proc/1/cmdline", "/proc/keys",
        "/proc/self/environ", "/sys/kernel/notes", "/root/.bashrc", "/dev/ptmx", "/dev/kmsg",
        "/boot/grub/grub.cfg", "/usr/bin/python3", "/var/log/dpkg.log", "/var/lib/dpkg/status",
        "/var/run/utmp", "/bin/ls", "/etc/../etc/shadow", "/proc/self/root/etc/shadow",
    ],
)  # fmt: skip
def test_of_the_systems_own_files_nothing_is_told_that_is_not_told_of_missing_ones(path):
    missing = f"{path}-which-is-not-there"
    told = [hashing().describe(each, IMAGE, hash_content=True) for each in (path, missing)]
    for answer, name in zip(told, (path, missing), strict=True):
        answer.path = ""
        answer.error = answer.error.replace(name, "")
    assert told[0] == told[1]
    assert not told[0].HasField("keyed_hash")
    assert not told[0].exists


@pytest.mark.parametrize(
    "way",
    [
        "{}", "{}/", "{}/below", "{}/../x", "{}/../../srv/disk.img", "{}/../../srv/none",
        "{}/../../srv", "{}/../../../../../../../dev/null", "{}/../../../../../../../dev",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["file", "program", "directory", "socket", "fifo", "links"])
def test_nothing_tells_what_there_is_in_a_closed_directory(tmp_path, closed, kind, way):
    """Not by a way through it either: what follows tells whether the step before was there."""
    write(tmp_path / "srv/disk.img")
    place = closed / "there/secret"
    match kind:
        case "file":
            write(place)
        case "program":
            write(place, mode=0o755)
        case "directory":
            place.mkdir()
        case "socket":
            socket.socket(socket.AF_UNIX).bind(str(place))
        case "fifo":
            os.mkfifo(place)
        case "links":
            place.symlink_to(tmp_path / "srv/disk.img")
    there, none = closed / "there/secret", closed / "there/no-one"
    missing = closed / "nothere/secret"
    answers = [every_answer(way.format(each)) for each in (there, none, missing)]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("name", ["/proc/1/exe", "/proc/1/fd/0", "/proc/1/root/etc/shadow"])
def test_nor_does_an_error(name):
    """Some of what the kernel keeps there answers root with errors of its own."""
    assert every_answer(name) == every_answer("/proc/1/no-such-thing/x")


@pytest.mark.parametrize("element", [IMAGE, SOCKET, DEVICE, DIRECTORY, MADE, PROGRAM])
def test_an_ordinary_file_and_none_look_the_same_to_every_element(system, element):
    write(system / "deep/file")
    inspector = hashing()
    for place in ("deep/file", "deep/file/below"):
        there = inspector.describe(str(system / place), element, hash_content=True)
        other = inspector.describe(str(system / place.replace("file", "none")), element)
        for answer in (there, other):
            answer.error = answer.error.partition(": ")[2]
            answer.path = ""
            if answer.HasField("existing_parent"):
                assert not answer.existing_parent.endswith("file")
        assert there == other


def test_links_do_not_lead_around_the_rules(tmp_path, system):
    secret = write(system / "secret")
    (tmp_path / "image").symlink_to(secret)
    (tmp_path / "directory").symlink_to(system)
    for path in (tmp_path / "image", tmp_path / "directory/secret"):
        told = hashing().describe(str(path), hash_content=True)
        assert (told.HasField("exists"), told.HasField("keyed_hash")) == (False, False)
        assert "nothing is told of files below" in told.error
        assert PathInspector(Host()).header(str(path)) is None
        with pytest.raises(Unanswerable, match="nothing is told of files below"):
            hash_blocks(question(path), terms())
        with pytest.raises(Unanswerable, match="nothing is told of files below"):
            access_path(AccessPath(path=str(path)), terms())


def test_the_content_of_small_files_is_told_by_no_hash(tmp_path):
    path = write(tmp_path / "pin", SMALL_SECRET)
    told = described(kernel(path)).kernel
    assert told.exists
    assert not told.HasField("keyed_hash")
    with pytest.raises(Unanswerable):
        hash_blocks(question(path), terms())
    assert described(kernel(write(path, b"x" * 4096))).kernel.keyed_hash
