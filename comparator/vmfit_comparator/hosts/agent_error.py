"""Why an agent gave no answer."""

import grpc

from vmfit_contract.reasons import Cause, Reason

_RETRY_SECONDS = 5.0
_REASONS = {
    grpc.StatusCode.UNAVAILABLE: Reason.AGENT_UNREACHABLE,
    grpc.StatusCode.CANCELLED: Reason.AGENT_UNREACHABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: Reason.AGENT_TOO_SLOW,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Reason.OVERLOADED,
    grpc.StatusCode.PERMISSION_DENIED: Reason.AGENT_DENIES,
    grpc.StatusCode.UNAUTHENTICATED: Reason.AGENT_DENIES,
}
_PASSING = (Reason.AGENT_UNREACHABLE, Reason.AGENT_TOO_SLOW, Reason.OVERLOADED)


class AgentError(Exception):
    """An agent that gave no answer; the message is one line without the host's name."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code

    def cause(self, host: str) -> Cause:
        """Return what programs are told; `host` is what the request calls it."""
        reason = _REASONS.get(self.code, Reason.AGENT_UNUSABLE)
        retry_seconds = _RETRY_SECONDS if reason in _PASSING else None
        return Cause(reason, {"host": host}, retry_seconds)


def late() -> AgentError:
    """Return the error of an agent that did not answer in time."""
    return AgentError(grpc.StatusCode.DEADLINE_EXCEEDED, "did not answer in time")
