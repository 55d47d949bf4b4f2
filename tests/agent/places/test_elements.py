"""What is told at the path of an element of a definition."""

import socket

from tests.agent.places.asked import (
    write,
)
from vmfit.v1.vm_pb2 import HostPath, Vm
from vmfit_agent.host import Host
from vmfit_agent.path_elements import ELEMENTS
from vmfit_agent.storage.element import (
    DEVICE,
    DIRECTORY,
    MADE,
    PROGRAM,
    SOCKET,
)
from vmfit_agent.storage.host_path import PathInspector


def test_what_an_element_can_be_is_told(system):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(system / "socket"))
        listener.listen()
        found = PathInspector(Host()).describe(str(system / "socket"), SOCKET)
        made = PathInspector(Host()).describe(str(system / "socket"), MADE)
    assert (found.exists, found.kind, found.listening) == (True, "socket", True)
    assert made.exists
    inspector = PathInspector(Host())
    assert inspector.describe(str(system), DIRECTORY).kind == "directory"
    assert inspector.describe("/dev/null", DEVICE).kind == "character"
    assert inspector.describe("/dev/urandom", DEVICE).exists
    assert inspector.describe("/dev/no-such-device", DEVICE).exists is False
    program = inspector.describe(str(write(system / "program", mode=0o755)), PROGRAM)
    assert (program.exists, program.mode) == (True, 0o755)
    assert not program.HasField("size_bytes")
    assert not program.HasField("inode")


def test_what_is_made_needs_its_directory(system):
    inspector = PathInspector(Host())
    (system / "log").mkdir()
    write(system / "log/there")
    for name in ("there", "none"):
        told = inspector.describe(str(system / "log" / name), MADE)
        assert not told.HasField("exists")
        assert told.existing_parent == str(system / "log")
        assert told.filesystem.mount_point
    nowhere = inspector.describe(str(system / "no/where"), MADE)
    assert (nowhere.exists, nowhere.existing_parent) == (False, str(system))
    assert inspector.describe(str(system / "log"), MADE).kind == "directory"


def test_every_path_of_a_vm_has_an_element():
    """A new field of the contract must be judged."""
    paths, seen = set(), set()

    def walk(descriptor):
        if descriptor.full_name in seen:
            return
        seen.add(descriptor.full_name)
        for field in descriptor.fields:
            if field.message_type is HostPath.DESCRIPTOR:
                paths.add((descriptor.name, field.name))
            elif field.message_type is not None:
                walk(field.message_type)

    walk(Vm.DESCRIPTOR)
    assert paths == set(ELEMENTS)
