"""Clients that ask without pause while a service comes and goes."""

import threading
import time
from contextlib import closing

import grpc

DEADLINE = 10.0
PAUSE_SECONDS = 0.02
# What a client may be told of a service that is not there, or about to go.
ABSENT = frozenset((grpc.StatusCode.UNAVAILABLE,))


class Asking:
    """Threads that call again and again until they are told to stop."""

    def __init__(self, tally, clients, connect):
        """`connect` gives something to close, and a call that takes `timeout`."""
        self._tally = tally
        self._connect = connect
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        self.going_since = float("inf")
        """When the service was told to go, by time.monotonic(); calls may fail from then on."""
        self.answers = []
        self.refusals = {}

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def await_answers(self, count, seconds=30):
        """Wait until so many more were answered."""
        wanted = len(self.answers) + count
        end = time.monotonic() + seconds
        while len(self.answers) < wanted:
            assert time.monotonic() < end, self.refusals
            time.sleep(0.005)

    def _ask(self):
        channel, call = self._connect()
        with closing(channel):
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    answer = call(timeout=DEADLINE)
                except grpc.RpcError as error:
                    self._failed(began, error)
                    self._stop.wait(PAUSE_SECONDS)
                else:
                    with self._lock:
                        self._tally.add()
                        self.answers.append(answer)

    def _failed(self, began, error):
        told = f"{error.code().name}: {error.details()}"
        with self._lock:
            if error.code() in ABSENT and time.monotonic() >= self.going_since:
                self.refusals[told] = self.refusals.get(told, 0) + 1
                # What was asked before is answered; a little later it may not have arrived.
                lost = self._must_answer(began)
            else:
                lost = True
            if lost:
                self._tally.add(f"{told} after {time.monotonic() - began:.2f} s")

    def _must_answer(self, began):
        return False


class Ending(Asking):
    """What was asked before a service was told to end has to be answered."""

    def _must_answer(self, began):
        return began < self.going_since
