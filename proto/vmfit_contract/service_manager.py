"""What systemd is told of a service, and the sockets that it has opened for it.

Started otherwise, a service is told to tell nobody and given nothing. Source: sd_notify(3),
sd_watchdog_enabled(3), sd_listen_fds(3).
"""

import logging
import os
import socket
import time
from collections.abc import MutableMapping

_LOG = logging.getLogger(__name__)

_FIRST_DESCRIPTOR = 3
_MAX_STATUS_CHARACTERS = 300


class ServiceManager:
    """Tells systemd how the service is. Safe to use from several threads; never raises."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Take what systemd says from the environment, so that no program started later has it."""
        address = environment.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._stopping = False
        interval = environment.pop("WATCHDOG_USEC", "")
        pid = environment.pop("WATCHDOG_PID", "")
        is_mine = pid in ("", str(os.getpid()))
        self.watchdog_seconds: float | None = None
        """Silence that lasts longer has systemd restart the service; None where none watches."""
        if self._address and is_mine and interval.isdecimal() and int(interval) > 0:
            self.watchdog_seconds = int(interval) / 1e6

    def ready(self, status: str) -> None:
        """Say that the service answers, first or again, and in one line how."""
        if not self._stopping:
            self._tell("READY=1", _status(status))

    def status(self, text: str) -> None:
        """Say in one line how the service is."""
        self._tell(_status(text))

    def alive(self) -> None:
        """Say that the service gets on with its work."""
        self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that the configuration is being read; `ready` ends it."""
        self._tell(
            "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
        )

    def stopping(self) -> None:
        """Say that the service ends."""
        self._stopping = True
        self._tell("STOPPING=1", _status("stopping"))

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.connect(self._address)
                manager.send("\n".join(lines).encode())
        except OSError as error:
            _LOG.warning("systemd cannot be told %s: %s", lines[0], error.strerror)


def _status(text: str) -> str:
    line = " ".join(text.split())
    return f"STATUS={line[:_MAX_STATUS_CHARACTERS]}"


def listening_sockets(environment: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """Return the sockets that systemd listens on for this process, in the order of its unit.

    Empty where it opened none. They are taken once; programs started later do not get them.
    """
    pid = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    taken = []
    for descriptor in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count)):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 -- the standard library's signature
        taken.append(socket.socket(fileno=descriptor))
    return taken
