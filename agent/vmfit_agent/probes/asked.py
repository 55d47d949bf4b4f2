"""One question under way."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Protocol

from vmfit.v1.probe_pb2 import Probe, ProbeResult
from vmfit_agent.probes.places import Places
from vmfit_agent.probes.questions import Question
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable

_LOG = logging.getLogger(__name__)

MARGIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Asking:
    """What the questions of one request share."""

    caller: str
    until: float
    """When the request's time is over, by time.monotonic()."""
    is_gone: Callable[[], bool]
    terms: Callable[[float], Terms]
    """Makes the terms of a question that may take so many seconds."""
    request: object = field(default_factory=object)
    """Nothing but itself."""


class Answering(Protocol):
    """The answer to one question, which may be under way."""

    def wait(self, seconds: float) -> bool:
        """Wait at most so long and within the time; return whether it is over."""

    def result(self) -> ProbeResult:
        """Return the answer, or an error that says why there is none."""


class Asked:
    """A question, from when it waits for a place until its answer is there."""

    def __init__(
        self, probe: Probe, question: Question, places: Places, asking: Asking, until: float
    ) -> None:
        self.caller: Hashable = asking.caller
        self.request: Hashable = asking.request
        self._probe = probe
        self._question = question
        self._places = places
        self._asking = asking
        self._began_at = time.monotonic()
        self._until = min(until, asking.until)
        self._ended = threading.Event()
        self._started = False
        self._result = ProbeResult()

    def is_wanted(self) -> bool:
        """Return whether there is time left, and somebody who waits."""
        return self._left() > 0 and not self._asking.is_gone()

    def start(self) -> bool:
        """Answer, in a thread of its own; False when the process may have no more threads."""
        self._started = True
        thread = threading.Thread(
            target=self._run, name=f"probe-{self._question.field}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            self._result.error = str(error)
            self._ended.set()
            return False
        return True

    def wait(self, seconds: float) -> bool:
        """Wait for the answer at most so long and within the time; return whether it is over."""
        return self._ended.wait(max(min(seconds, self._left()), 0.0)) or self._left() <= 0

    def result(self) -> ProbeResult:
        """Return the answer, or that there is none."""
        if self._ended.is_set():
            return self._result
        taken = f"{self._until - self._began_at:.3g} s"
        if self._started:
            return ProbeResult(error=f"no answer within {taken}")
        return ProbeResult(error=f"others had all places for such questions for {taken}")

    def _run(self) -> None:
        try:
            self._result = self._answer()
        finally:
            self._ended.set()
            self._places.give_back(self)

    def _answer(self) -> ProbeResult:
        asked = getattr(self._probe, self._probe.WhichOneof("question") or "")
        result = ProbeResult()
        try:
            # A little less than is left: "timed out" is an answer too, and must arrive in time.
            left = max(self._left(), 0.001)
            terms = self._asking.terms(max(left - MARGIN_SECONDS, left / 2))
            answer = self._question.answer(asked, terms)
            getattr(result, self._question.field).CopyFrom(answer)
        except (Unanswerable, TimeoutError) as error:
            result.error = str(error)
        except OSError as error:
            result.error = error.strerror or str(error)
        except Exception as error:  # noqa: BLE001 -- a bug costs its own answer alone
            _LOG.exception("probe: %s", self._question.field)
            result.error = f"internal error: {type(error).__name__}: {error}"
        return result

    def _left(self) -> float:
        return self._until - time.monotonic()
