"""How fast the guest writes to its memory, asked of the source."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from vmfit.v1.probe_pb2 import DirtyRateProbe, MeasureDirtyRate, Probe, ProbeAnswers
from vmfit_comparator.knowledge.convergence import PERIOD_SECONDS
from vmfit_comparator.probes.asked_host import AskedHost
from vmfit_comparator.probes.recent import Recent

# Beside the period: a connection to libvirt, and a host that is busy.
_MARGIN_SECONDS = 0.5

Fill = Callable[[ProbeAnswers], None]


class DirtyRates:
    """Measures each domain once, for all who ask at once or soon after. Safe to use from threads.

    Who ranks many destinations for one domain asks for it as many times.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._recent: Recent[Future[DirtyRateProbe]] = Recent()

    def ask(self, uuid: str, here: AskedHost) -> Fill:
        """Have a domain measured; what is returned waits and fills in. Without UUID: nothing."""
        if not uuid:
            return lambda _answers: None
        key = (here.name, uuid)
        left = here.seconds_left()
        with self._turn:
            known = self._recent.find(key)
            if known is not None:
                return lambda answers: _fill_from(known, here, answers)
            if left < PERIOD_SECONDS + _MARGIN_SECONDS:
                error = f"measuring takes {PERIOD_SECONDS} s, and {max(left, 0):.1f} s are left"
                return lambda answers: answers.dirty_rate.CopyFrom(DirtyRateProbe(error=error))
            pending: Future[DirtyRateProbe] = Future()
            self._recent.keep(key, pending)
        question = MeasureDirtyRate(uuid=uuid, period_seconds=PERIOD_SECONDS)
        # All that is left: the agent's default would be the shorter time.
        measured = here.ask([Probe(measure_dirty_rate=question)])

        def fill(answers: ProbeAnswers) -> None:
            (result,) = measured()
            probe = DirtyRateProbe(error=result.error)
            if result.HasField("dirty_rate"):
                probe.answer.CopyFrom(result.dirty_rate)
            else:
                self._recent.forget(key)
            pending.set_result(probe)
            answers.dirty_rate.CopyFrom(probe)

        return fill


def _fill_from(known: "Future[DirtyRateProbe]", here: AskedHost, answers: ProbeAnswers) -> None:
    began = time.monotonic()
    try:
        answers.dirty_rate.CopyFrom(known.result(max(here.seconds_left(), 0)))
    except TimeoutError:
        waited = time.monotonic() - began
        answers.dirty_rate.error = f"a measurement under way did not end within {waited:.1f} s"
