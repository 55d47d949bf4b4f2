"""Questions about the network, handed on to a process that can do nothing else."""

import threading
import time
from collections.abc import Sequence

from google.protobuf.message import DecodeError

from vmfit.v1.host_metadata_service_pb2 import ProbeCase, ProbeRequest, ProbeResponse
from vmfit.v1.probe_pb2 import Probe, ProbeResult
from vmfit_agent.calls import CallFailed, Calls
from vmfit_contract.access import Caller

METHOD = "Probe"


def hand_on(
    calls: Calls, probes: Sequence[Probe], case: ProbeCase, until: float, caller: Caller
) -> Sequence["HandedOn"]:
    """Start to ask all of them in one call, which ends by `until` (of time.monotonic())."""
    call = _Call(calls, ProbeRequest(probes=probes, case=case), until, caller)
    threading.Thread(target=call.run, name="probe-handed-on", daemon=True).start()
    return [HandedOn(call, index) for index in range(len(probes))]


class HandedOn:
    """The answer to one of the questions."""

    def __init__(self, call: "_Call", index: int) -> None:
        self._call = call
        self._index = index

    def wait(self, seconds: float) -> bool:
        """Wait for the answers at most so long and within the time; return whether it is over."""
        left = self._call.until - time.monotonic()
        return self._call.ended.wait(max(min(seconds, left), 0.0)) or left <= 0

    def result(self) -> ProbeResult:
        """Return the answer, or that there is none."""
        if self._call.ended.is_set():
            return self._call.results[self._index]
        return ProbeResult(error="the process for questions about the network did not answer")


class _Call:
    """The call under way."""

    def __init__(self, calls: Calls, request: ProbeRequest, until: float, caller: Caller) -> None:
        self._calls = calls
        self._request = request
        self._caller = caller
        self.until = until
        self.ended = threading.Event()
        self.results: Sequence[ProbeResult] = ()

    def run(self) -> None:
        """Make the call; whatever becomes of it, each question has a result."""
        why = "an internal error"
        try:
            self.results = self._ask()
        except CallFailed as failure:
            why = failure.message
        except DecodeError:
            why = "the process for questions about the network gave an answer that cannot be read"
        finally:
            if len(self.results) != len(self._request.probes):
                self.results = [ProbeResult(error=why) for _ in self._request.probes]
            self.ended.set()

    def _ask(self) -> Sequence[ProbeResult]:
        request = self._request.SerializeToString()
        seconds = max(self.until - time.monotonic(), 0.001)
        answer = self._calls.answer(METHOD, request, seconds, self._caller)
        return ProbeResponse.FromString(answer).results
