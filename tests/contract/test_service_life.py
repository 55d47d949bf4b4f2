"""A service's signals, its watchdog and its reloads."""

import os
import signal
import threading
import time

import pytest

from vmfit_contract.service_life import ReloadRefused, live
from vmfit_contract.service_manager import ServiceManager
from vmfit_contract.stop_signal import signals


class Told(ServiceManager):
    """Keeps what systemd would hear."""

    def __init__(self, watchdog_seconds=None):
        super().__init__({})
        self.watchdog_seconds = watchdog_seconds
        self.heard = []

    def _tell(self, *lines):
        self.heard.append(lines[0])


def send(*numbers, pause=0.1):
    def run():
        for number in numbers:
            time.sleep(pause)
            os.kill(os.getpid(), number)

    threading.Thread(target=run).start()


def run(manager, *numbers, reload=lambda: None, makes_progress=lambda: True, pause=0.1):
    with signals() as told:
        send(*numbers, pause=pause)
        live(manager, told, status=lambda: "answers", reload=reload, makes_progress=makes_progress)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told(number):
    manager = Told()
    run(manager, number)
    assert manager.heard == ["STOPPING=1"]


def test_a_hangup_reloads_and_ends_nothing(caplog):
    manager, reloads = Told(), []
    run(manager, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM, reload=lambda: reloads.append(1))
    assert reloads == [1, 1]
    assert manager.heard == ["RELOADING=1", "READY=1"] * 2 + ["STOPPING=1"]


@pytest.mark.parametrize("error", [ReloadRefused("agent.toml: listen: must be a text"), OSError(5)])
def test_a_wrong_configuration_leaves_the_old_one(error, caplog):
    def refuse():
        raise error

    manager = Told()
    run(manager, signal.SIGHUP, signal.SIGTERM, reload=refuse)
    assert manager.heard == ["RELOADING=1", "READY=1", "STOPPING=1"]
    (record,) = caplog.records
    assert record.getMessage().startswith("the configuration stays as it was")
    if isinstance(error, ReloadRefused):
        assert record.getMessage().endswith(": agent.toml: listen: must be a text")
        assert record.exc_info is None


def test_progress_feeds_the_watchdog():
    manager = Told(watchdog_seconds=0.2)
    run(manager, signal.SIGTERM, pause=1.0)
    assert manager.heard.count("WATCHDOG=1") >= 5


@pytest.mark.parametrize("way", ["says no", "raises", "hangs"])
def test_without_progress_the_watchdog_starves(way, caplog):
    hang = threading.Event()

    def makes_progress():
        if way == "raises":
            raise ValueError
        return way == "hangs" and hang.wait(10)

    manager = Told(watchdog_seconds=0.2)
    run(manager, signal.SIGTERM, makes_progress=makes_progress, pause=1.0)
    hang.set()
    # What is sent before the first check is over, and for half of the patience after it.
    assert manager.heard.count("WATCHDOG=1") <= 2


def test_handlers_are_as_before():
    before = signal.getsignal(signal.SIGHUP)
    with signals() as told:
        assert told.wait(0.01) is None
        assert signal.getsignal(signal.SIGHUP) != before
    assert signal.getsignal(signal.SIGHUP) == before
