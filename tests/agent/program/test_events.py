import contextlib
import sys
import threading
import types

import pytest

from vmfit_agent import events
from vmfit_agent.virtualization import libvirt_events
from vmfit_contract.parts import PART_NAMES


class Collected:
    """Notes which parts were made outdated."""

    def __init__(self):
        self.parts = []
        self.some = threading.Event()

    def __call__(self, parts):
        self.parts.append(tuple(parts))
        self.some.set()


def test_events_name_parts_that_exist():
    for parts in events.UDEV_PARTS.values():
        assert set(parts) <= set(PART_NAMES)
    assert {part for _, _, part in libvirt_events._EVENTS} <= set(PART_NAMES)


def test_udev_events(monkeypatch):
    devices = [
        types.SimpleNamespace(subsystem="block"),
        None,
        OSError(105, "No buffer space"),
        types.SimpleNamespace(subsystem="tty"),
        OSError(9, "Bad file descriptor"),
    ]
    monitor = types.SimpleNamespace(filter_by=lambda _: None, start=lambda: None)

    def poll():
        device = devices.pop(0)
        if isinstance(device, OSError):
            raise device
        return device

    monitor.poll = poll
    pyudev = types.ModuleType("pyudev")
    pyudev.Context = object
    pyudev.Monitor = types.SimpleNamespace(from_netlink=lambda _: monitor)
    monkeypatch.setitem(sys.modules, "pyudev", pyudev)
    collected = Collected()
    with pytest.raises(OSError, match="Bad file descriptor"):
        events._follow_udev(collected)
    assert collected.parts[0] == events.UDEV_PARTS["block"]
    assert set(collected.parts[1]) == {p for parts in events.UDEV_PARTS.values() for p in parts}
    assert collected.parts[2] == ()


def test_address_changes(monkeypatch):
    answers = [b"RTM_NEWADDR", OSError(105, "No buffer space"), OSError(9, "Bad file descriptor")]

    class Link(contextlib.nullcontext):
        def __enter__(self):
            return self

        def bind(self, address):
            assert address == (0, 0x111)

        def recv(self, size):
            answer = answers.pop(0)
            if isinstance(answer, OSError):
                raise answer
            return answer

    monkeypatch.setattr(events.socket, "socket", lambda *_: Link())
    collected = Collected()
    with pytest.raises(OSError, match="Bad file descriptor"):
        events._follow_addresses(collected)
    assert collected.parts == [("network",), ("network",)]


def test_a_failing_follower_is_said_once(caplog):
    def _follow_nothing(invalidate):
        raise OSError("no netlink here")

    events._run(_follow_nothing, lambda _: None)
    assert "no netlink here" in caplog.text


def test_libvirt_events_reach_their_parts():
    pytest.importorskip("libvirt", reason="libvirt-python is not installed")
    collected = Collected()
    libvirt_events.follow_libvirt(["test:///default"], collected)
    assert collected.some.wait(10)
    assert "domains" in collected.parts[0]
    assert not libvirt_events.follow_libvirt([], collected)
