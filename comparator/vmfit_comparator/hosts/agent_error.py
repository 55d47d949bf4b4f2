"""Why an agent gave no answer."""

import grpc


class AgentError(Exception):
    """An agent that gave no answer; the message is one line without the host's name."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def late() -> AgentError:
    """Return the error of an agent that did not answer in time."""
    return AgentError(grpc.StatusCode.DEADLINE_EXCEEDED, "did not answer in time")
