"""The calls of the HostMetadata service, apart from how they travel: as serialised messages."""

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Protocol

from vmfit.v1.rpcs import HOST_METADATA_RPCS, Rpc
from vmfit_contract.access import Caller

UNARY: Mapping[str, Rpc] = {
    name: rpc for name, rpc in HOST_METADATA_RPCS.items() if not rpc.response_streams
}
"""The methods with one answer."""
(WATCH,) = (rpc for rpc in HOST_METADATA_RPCS.values() if rpc.response_streams)
"""The method with many."""
STOPPING = "the agent is stopping"
"""What ends a stream whose client is still there."""
PROBES_FORBIDDEN = "the agent's configuration forbids probes (probes = false)"
LONGEST_CALL_SECONDS = 60.0
MAX_WATCHES = 8
"""How many watches may be open at once; each holds a thread."""


class Status(IntEnum):
    """Why a call has no answer, by gRPC's names and numbers."""

    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14


class CallFailed(Exception):  # noqa: N818 -- the outcome of a call, not a mistake
    """The call has no answer; `field` is the path in the request that is to blame, or empty."""

    def __init__(self, status: Status, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field


class Stream(Iterator[bytes], Protocol):
    """Serialised responses; ends by CallFailed, or quietly when it is cancelled or Calls close."""

    def cancel(self) -> None:
        """End the iteration soon, from any thread."""

    def close(self) -> None:
        """Release what the stream holds; for the thread that iterates, at the end."""


class Calls(Protocol):
    """Who answers the calls: this process, or another one. Safe to use from several threads."""

    def answer(self, method: str, request: bytes, seconds: float, caller: Caller) -> bytes:
        """Return the response of a method of UNARY within the seconds; raises CallFailed.

        That the caller may call it was asked before; what the method does may depend on its roles.
        """

    def watch(self, request: bytes, caller: Caller) -> Stream:
        """Open a stream of WATCH; raises CallFailed, now or in the stream."""

    def allow_probes(self, *, allowed: bool) -> None:
        """Answer probes from now on, or refuse them."""

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report whether calls are answered, soon and whenever that changes, until closed."""

    def close(self) -> None:
        """Release what answers; streams end."""


def time_for_answer(seconds: float | None) -> float:
    """Return the seconds that an answer may take so that it arrives within the caller's time."""
    # Without a deadline gRPC gives centuries, which the clock calls do not take.
    if seconds is None or seconds > LONGEST_CALL_SECONDS:
        return LONGEST_CALL_SECONDS
    return max(seconds * 0.8, seconds - 0.5, 0.001)
