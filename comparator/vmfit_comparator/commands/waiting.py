"""What a person at a terminal sees while hosts are waited for; with -v the log tells it, too."""

import logging
import sys
import threading
import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vmfit_contract.printable import printable

# Most answers are there before anybody would look.
if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

_LOG = logging.getLogger(__name__)
_PATIENCE_SECONDS = 0.5
_SHOWN_HOSTS = 3


class Waiting:
    """A line on standard error, if that is a terminal: who is waited for, and how long so far.

    A context: at its end the line is gone. It is the engine's Watcher; `server` is who is waited
    for when another program asks the hosts.
    """

    def __init__(self, server: str = "") -> None:
        self._server = server
        self._began = time.monotonic()
        self._asked: Counter[str] = Counter()
        self._count = 0
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._is_over = False
        self._timer = threading.Timer(_PATIENCE_SECONDS, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Show the line a moment after somebody is asked."""
        if self._server:
            self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the line away."""
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            live, self._live = self._live, None
        if live is not None:
            live.stop()

    def asked(self, host: str) -> None:
        """Count a host that is asked."""
        with self._lock:
            self._asked[host] += 1
            self._count += 1
            is_first = self._count == 1
        if is_first:
            self._begin()

    def answered(self, host: str) -> None:
        """Count a host as done."""
        with self._lock:
            self._asked[host] -= 1
            self._asked = +self._asked
        _LOG.info("%s: done after %.2f s", host, time.monotonic() - self._began)

    def line(self) -> str:
        """Return what there is to say now."""
        with self._lock:
            missing, count = list(self._asked), self._count
        seconds = f"{time.monotonic() - self._began:.0f} s"
        if self._server or not count:
            return f"waiting for {self._server or 'an answer'}, {seconds}"
        shown = ", ".join(missing[:_SHOWN_HOSTS])
        hidden = len(missing) - _SHOWN_HOSTS
        who = f"{shown} and {hidden} more" if hidden > 0 else shown
        done = count - len(missing)
        hosts = f"{done} of {count} hosts" if count > 1 else "1 host"
        if not missing:
            return f"{hosts} answered, evaluating, {seconds}"
        answered = f"{done} of {count} hosts answered, " if count > 1 else ""
        return f"{answered}waiting for {who}, {seconds}"

    def _begin(self) -> None:
        if sys.stderr.isatty():
            self._timer.start()

    def _show(self) -> None:
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415
        from rich.spinner import Spinner  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        console = Console(stderr=True)
        if console.is_dumb_terminal:
            return
        spinner = Spinner("dots" if "utf" in console.encoding.lower() else "line")

        def render() -> "RenderableType":
            spinner.update(text=Text(printable(self.line()), overflow="ellipsis", no_wrap=True))
            return spinner

        live = Live(console=console, get_renderable=render, transient=True, refresh_per_second=8)
        with self._lock:
            if self._is_over:
                return
            self._live = live
            live.start()
