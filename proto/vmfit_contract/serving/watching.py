"""A stream of responses: iterated by a thread, sent by the event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing

from vmfit_contract.serving.conversation import Call
from vmfit_contract.serving.service import Stream

UNREAD_SECONDS = 30.0
"""How long a client may leave unread what was sent."""


class Watching:
    """One stream; made in the event loop."""

    def __init__(self, call: Call, open_stream: Callable[[], Stream]) -> None:
        self._open = open_stream
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._ended = False

    def send_all(self) -> None:
        """Send what the stream gives until it ends, in this thread.

        Raises what the stream raises, and TimeoutError when the client reads nothing.
        """
        with closing(self._open()) as stream:
            with self._lock:
                self._stream = stream
                if self._ended:
                    stream.cancel()
            for response in stream:
                sending = asyncio.run_coroutine_threadsafe(self._send(response), self._loop)
                sending.result(2 * UNREAD_SECONDS)

    def end(self) -> None:
        """Let the thread come to its end soon."""
        with self._lock:
            self._ended = True
            if self._stream is not None:
                self._stream.cancel()

    async def _send(self, response: bytes) -> None:
        async with asyncio.timeout(UNREAD_SECONDS):
            await self._call.send(response)
