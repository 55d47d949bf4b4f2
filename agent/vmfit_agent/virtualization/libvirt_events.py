"""What libvirt tells about changes: its events make the parts that hold its objects outdated."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from vmfit_agent.events import Invalidate

_LOG = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
_KEEPALIVE_SECONDS = 30
_KEEPALIVE_COUNT = 3
_ALL = ("hypervisor", "libvirt_objects", "domains")

_DOMAIN_EVENTS = (
    "LIFECYCLE",
    "BALLOON_CHANGE",
    "BLOCK_JOB_2",
    "DEVICE_ADDED",
    "DEVICE_REMOVED",
    "DISK_CHANGE",
    "JOB_COMPLETED",
    "METADATA_CHANGE",
    "TRAY_CHANGE",
    "TUNABLE",
)
_EVENTS = (
    *(
        ("domainEventRegisterAny", f"VIR_DOMAIN_EVENT_ID_{name}", "domains")
        for name in _DOMAIN_EVENTS
    ),
    ("networkEventRegisterAny", "VIR_NETWORK_EVENT_ID_LIFECYCLE", "libvirt_objects"),
    ("storagePoolEventRegisterAny", "VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE", "libvirt_objects"),
    ("storagePoolEventRegisterAny", "VIR_STORAGE_POOL_EVENT_ID_REFRESH", "libvirt_objects"),
    ("secretEventRegisterAny", "VIR_SECRET_EVENT_ID_LIFECYCLE", "libvirt_objects"),
    ("secretEventRegisterAny", "VIR_SECRET_EVENT_ID_VALUE_CHANGED", "libvirt_objects"),
)


def follow_libvirt(uris: Sequence[str], invalidate: Invalidate) -> None:
    """Follow the events of every URI in daemon threads; without libvirt-python, do nothing.

    Must be called before the process opens any libvirt connection.
    """
    try:
        import libvirt  # noqa: PLC0415 -- an optional dependency
    except ImportError:
        return
    if not uris:
        return
    libvirt.virEventRegisterDefaultImpl()
    libvirt.registerErrorHandler(lambda *_: None, None)
    threading.Thread(target=_dispatch, args=(libvirt,), name="libvirt-events", daemon=True).start()
    for uri in uris:
        threading.Thread(
            target=_follow, args=(libvirt, uri, invalidate), name=f"follow-{uri}", daemon=True
        ).start()


def _dispatch(libvirt: Any) -> None:  # noqa: ANN401 -- an optional module
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError as error:
            _LOG.warning("libvirt's event loop: %s", error)
            time.sleep(RETRY_SECONDS)


def _follow(libvirt: Any, uri: str, invalidate: Invalidate) -> None:  # noqa: ANN401
    while True:
        closed = threading.Event()
        try:
            connection = libvirt.openReadOnly(uri)
            _subscribe(libvirt, connection, invalidate, closed.set)
        except libvirt.libvirtError as error:
            _LOG.debug("%s: no events: %s", uri, error)
        else:
            _LOG.debug("%s: following events", uri)
            invalidate(_ALL)
            closed.wait()
            _LOG.info("%s: the connection for events was closed", uri)
            invalidate(_ALL)
        time.sleep(RETRY_SECONDS)


def _subscribe(
    libvirt: Any,  # noqa: ANN401
    connection: Any,  # noqa: ANN401
    invalidate: Invalidate,
    on_close: Callable[[], None],
) -> None:
    """Register for the events that change a part; kinds that a driver lacks are left out."""
    connection.registerCloseCallback(lambda *_: on_close(), None)
    subscriptions: list[Callable[[], object]] = [
        partial(connection.setKeepAlive, _KEEPALIVE_SECONDS, _KEEPALIVE_COUNT)
    ]
    for registration, constant, part in _EVENTS:
        register = getattr(connection, registration)
        event = getattr(libvirt, constant)
        callback = partial(_invalidate, invalidate, part)
        subscriptions.append(partial(register, None, event, callback, None))
    for subscribe in subscriptions:
        try:
            subscribe()
        except libvirt.libvirtError as error:
            _LOG.debug("libvirt: no such event here: %s", error)


def _invalidate(invalidate: Invalidate, part: str, *_: object) -> None:
    invalidate((part,))
