"""What the kernel and udev tell about changes: which parts an event makes outdated."""

import errno
import logging
import select
import socket
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from vmfit_agent.storage.mount_table import mount_table
from vmfit_agent.storage.udev import load_pyudev

_LOG = logging.getLogger(__name__)

Invalidate = Callable[[Collection[str]], None]

UDEV_PARTS: dict[str, tuple[str, ...]] = {
    "block": ("block_devices", "mounts", "iscsi"),
    "cpu": ("cpu", "numa"),
    "iscsi_connection": ("iscsi",),
    "iscsi_session": ("iscsi", "block_devices"),
    "mdev": ("pci",),
    "memory": ("memory", "numa"),
    "net": ("network", "pci"),
    "pci": ("pci", "network"),
    "usb": ("usb", "block_devices"),
}
"""By udev subsystem: the parts that hold something of it."""

_ROOT = Path("/")
# From linux/rtnetlink.h; Python's socket module does not have them.
_RTMGRP_LINK = 0x1
_RTMGRP_IPV4_IFADDR = 0x10
_RTMGRP_IPV6_IFADDR = 0x100
_RECEIVE_BYTES = 65536


def follow_kernel(invalidate: Invalidate) -> None:
    """Follow udev, mounts and network addresses, each in a daemon thread.

    What cannot be followed here (no udev in a container) is logged: the longest period bounds the
    age of its parts.
    """
    for follow in (_follow_udev, _follow_mounts, _follow_addresses):
        threading.Thread(
            target=_run, args=(follow, invalidate), name=follow.__name__.strip("_"), daemon=True
        ).start()


def _run(follow: Callable[[Invalidate], None], invalidate: Invalidate) -> None:
    try:
        follow(invalidate)
    except Exception as error:  # noqa: BLE001 -- the boundary: events only make answers fresher
        _LOG.warning("%s ended, only periods refresh its parts: %s", follow.__name__, error)


def _follow_udev(invalidate: Invalidate) -> None:
    pyudev = load_pyudev()
    monitor = pyudev.Monitor.from_netlink(pyudev.Context())
    for subsystem in UDEV_PARTS:
        monitor.filter_by(subsystem)
    monitor.start()
    everything = {part for parts in UDEV_PARTS.values() for part in parts}
    while True:
        try:
            device = monitor.poll()
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            invalidate(everything)  # The kernel dropped events.
            continue
        if device is not None:
            invalidate(UDEV_PARTS.get(device.subsystem, ()))


def _follow_mounts(invalidate: Invalidate) -> None:
    with (_ROOT / mount_table(_ROOT)).open("rb") as table:
        poller = select.poll()
        # proc(5): a change of the mount table marks the file with POLLERR and POLLPRI.
        poller.register(table, select.POLLPRI)
        while True:
            poller.poll()
            invalidate(("mounts",))


def _follow_addresses(invalidate: Invalidate) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        link.bind((0, _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR))
        while True:
            try:
                link.recv(_RECEIVE_BYTES)
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
            invalidate(("network",))
