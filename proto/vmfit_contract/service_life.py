"""The life of a service from ready to stopped: watched, and reloaded when it is told."""

import logging
import signal
import threading
import time
from collections.abc import Callable

from vmfit_contract.service_manager import ServiceManager
from vmfit_contract.stop_signal import Signals

_LOG = logging.getLogger(__name__)

_CHECKS_PER_SILENCE = 4
ANSWER_SECONDS = 5.0
"""How long a service that gets on may take to answer itself."""


class ReloadRefused(Exception):  # noqa: N818 -- said of the configuration
    """The configuration cannot be used; the message is one line that names file and key."""


def live(
    manager: ServiceManager,
    told: Signals,
    *,
    status: Callable[[], str],
    reload: Callable[[], None],
    makes_progress: Callable[[], bool],
) -> None:
    """Return at the first SIGTERM or SIGINT, when systemd knows that the service ends.

    SIGHUP has `reload` called; when it raises ReloadRefused the service goes on as it was. While
    `makes_progress` says so, once in a while and in a thread of its own, systemd's watchdog is
    content.
    """
    silence = manager.watchdog_seconds
    pause = None if silence is None else silence / _CHECKS_PER_SILENCE
    pulse = None if pause is None else _Pulse(makes_progress, pause)
    while True:
        number = told.wait(pause)
        if number is signal.SIGHUP:
            _reload(manager, status, reload)
        elif number is not None:
            break
        if pulse is not None and pulse.is_felt():
            manager.alive()
    manager.stopping()
    if pulse is not None:
        pulse.end()


def _reload(manager: ServiceManager, status: Callable[[], str], reload: Callable[[], None]) -> None:
    manager.reloading()
    try:
        reload()
    except ReloadRefused as refused:
        _LOG.error("the configuration stays as it was: %s", refused)
    except Exception:  # noqa: BLE001 -- the boundary: a bug costs the reload, never the service
        _LOG.exception("the configuration stays as it was")
    else:
        _LOG.info("the configuration was read again")
    manager.ready(status())


class _Pulse:
    """Asks again and again, in a thread of its own, whether there is progress."""

    def __init__(self, makes_progress: Callable[[], bool], pause_seconds: float) -> None:
        self._makes_progress = makes_progress
        self._pause_seconds = pause_seconds
        self._felt_at = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(target=self._feel, name="watchdog", daemon=True).start()

    def is_felt(self) -> bool:
        """Return whether there was progress two checks ago or later."""
        return time.monotonic() - self._felt_at <= 2 * self._pause_seconds

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()

    def _feel(self) -> None:
        while not self._ended.is_set():
            try:
                if self._makes_progress():
                    self._felt_at = time.monotonic()
                else:
                    _LOG.warning("no progress: the service does not answer itself")
            except Exception:  # noqa: BLE001 -- as above
                _LOG.exception("whether there is progress is not known")
            self._ended.wait(self._pause_seconds)
