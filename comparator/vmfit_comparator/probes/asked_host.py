"""One host that is asked questions; it always answers, if only with why it does not."""

import time
from collections.abc import Callable, Sequence

from vmfit.v1.host_metadata_service_pb2 import ProbeCase, ProbeRequest
from vmfit.v1.probe_pb2 import Probe, ProbeResult
from vmfit_comparator.hosts.agent_client import AgentClient
from vmfit_comparator.hosts.agent_error import AgentError

# Of a call's time: the rest is for the agent to say that a question took too long.
_QUESTIONS_SHARE = 0.9


class AskedHost:
    """One host's agent, for the time of one migration's questions."""

    def __init__(self, name: str, client: AgentClient, case: ProbeCase, until: float) -> None:
        """`case` tells the agent what the migration has to do with."""
        self.name = name
        self._client = client
        self._case = case
        self._until = until

    @property
    def nonce(self) -> bytes:
        """By what the host keys hashes of content; empty when it does not say."""
        return self._client.content_nonce or b""

    def seconds_left(self) -> float:
        """Return what a question that is asked now may take."""
        return (self._until - time.monotonic()) * _QUESTIONS_SHARE

    def ask(
        self, questions: Sequence[Probe], *, of_guest: bool = False
    ) -> Callable[[], Sequence[ProbeResult]]:
        """Start to ask; what is returned waits. An agent that fails answers each with an error.

        `of_guest`: they are about servers that the guest's definition names.
        Errors name the host: which question an agent leaves out is its own configuration's matter.
        """
        if not questions:
            return lambda: ()
        seconds = self.seconds_left()
        for each in questions:
            each.timeout_seconds = max(min(each.timeout_seconds or seconds, seconds), 0.05)
        try:
            case = self._case if of_guest else ProbeCase(hosts=self._case.hosts)
            wait = self._client.probe(ProbeRequest(probes=questions, case=case), self._until)
        except AgentError as error:
            return self._failed(questions, error)

        def results() -> Sequence[ProbeResult]:
            try:
                found = wait()
            except AgentError as error:
                return self._failed(questions, error)()
            for each in found:
                if each.error:
                    each.error = f"host {self.name}: {each.error}"
            return found

        return results

    def _failed(
        self, questions: Sequence[Probe], error: AgentError
    ) -> Callable[[], Sequence[ProbeResult]]:
        results = [ProbeResult(error=f"host {self.name}: {error}") for _ in questions]
        return lambda: results
