"""Answers a request's questions side by side, each within its time, and not too many."""

import logging
import math
import threading
import time
from collections.abc import Sequence

from vmfit.v1.probe_pb2 import Probe, ProbeResult
from vmfit_agent.host import Host
from vmfit_agent.probes.description import describe_probe
from vmfit_agent.probes.questions import QUESTIONS
from vmfit_agent.probes.token_bucket import TokenBucket
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.probes.validation import DEFAULT_SECONDS
from vmfit_agent.sources import ProbesExhausted

_LOG = logging.getLogger(__name__)

MAX_REQUESTS = 4
"""How many requests may be under way at once."""
SLOT_SECONDS = 2.0
"""How long a further request waits for one of them to end."""
MARGIN_SECONDS = 0.1


class Prober:
    """Answers probes of one host. Safe to use from several threads."""

    def __init__(self, host: Host, per_minute: int) -> None:
        self._host = host
        self._per_minute = per_minute
        self._rate = TokenBucket(per_minute)
        self._free_requests = threading.BoundedSemaphore(MAX_REQUESTS)
        self._free = {
            kind: threading.BoundedSemaphore(question.most_at_once)
            for kind, question in QUESTIONS.items()
        }

    def answer(self, probes: Sequence[Probe], seconds: float) -> list[ProbeResult]:
        """Return the results in the order of the probes, which are valid; raises ProbesExhausted.

        What is not answered within the seconds, or a probe's own, has an error. A question that
        hangs keeps its thread and its place among those of its kind, never its caller.
        """
        give_up_at = time.monotonic() + seconds
        if wait := self._rate.take(len(probes)):
            raise ProbesExhausted(
                f"{self._per_minute} probes a minute are answered (probes_per_minute): "
                f"ask again in {math.ceil(wait)} s"
            )
        if not self._free_requests.acquire(timeout=min(SLOT_SECONDS, seconds)):
            raise ProbesExhausted(f"{MAX_REQUESTS} requests for probes are under way already")
        try:
            asked = [self._ask(probe, give_up_at) for probe in probes]
            return [each.result() for each in asked]
        finally:
            self._free_requests.release()

    def _ask(self, probe: Probe, give_up_at: float) -> "_Asked":
        kind = probe.WhichOneof("question")
        assert kind is not None
        _LOG.info("probe: %s", describe_probe(probe))
        seconds = probe.timeout_seconds if probe.HasField("timeout_seconds") else DEFAULT_SECONDS
        asked = _Asked(probe, kind, min(give_up_at, time.monotonic() + seconds))
        threading.Thread(
            target=asked.run, args=(self._host, self._free[kind]), name=f"probe-{kind}", daemon=True
        ).start()
        return asked


class _Asked:
    """One question under way."""

    def __init__(self, probe: Probe, kind: str, give_up_at: float) -> None:
        self._probe = probe
        self._kind = kind
        self._began_at = time.monotonic()
        self._give_up_at = give_up_at
        self._ended = threading.Event()
        self._result = ProbeResult()

    def run(self, host: Host, free: threading.BoundedSemaphore) -> None:
        """Answer once others of this kind leave room, unless the time is over by then."""
        result = ProbeResult()
        if not free.acquire(timeout=max(self._left(), 0.0)):
            result.error = "too many questions of this kind have not ended"
        else:
            try:
                result = self._answer(host)
            finally:
                free.release()
        self._result = result
        self._ended.set()

    def result(self) -> ProbeResult:
        """Wait for the answer, as long as there is time."""
        if self._ended.wait(max(self._left(), 0.0)):
            return self._result
        return ProbeResult(error=f"no answer within {self._give_up_at - self._began_at:.3g} s")

    def _answer(self, host: Host) -> ProbeResult:
        question = QUESTIONS[self._kind]
        asked = getattr(self._probe, self._kind)
        result = ProbeResult()
        try:
            # A little less than is left: "timed out" is an answer too, and must arrive in time.
            left = max(self._left(), 0.001)
            answer = question.answer(asked, host, max(left - MARGIN_SECONDS, left / 2))
            getattr(result, question.field).CopyFrom(answer)
        except (Unanswerable, TimeoutError) as error:
            result.error = str(error)
        except OSError as error:
            result.error = error.strerror or str(error)
        except Exception as error:  # noqa: BLE001 -- a bug costs its own answer alone
            _LOG.exception("probe: %s", self._kind)
            result.error = f"internal error: {type(error).__name__}: {error}"
        return result

    def _left(self) -> float:
        return self._give_up_at - time.monotonic()
