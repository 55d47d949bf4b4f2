"""The calls of the HostMetadata service, apart from how they travel: as serialised messages."""

from collections.abc import Callable, Mapping
from typing import Protocol

from vmfit.v1.rpcs import HOST_METADATA_RPCS, Rpc
from vmfit_agent.part_state import PartState
from vmfit_contract.access import Caller
from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.serving.service import Stream

__all__ = ["CallFailed", "Calls", "Status", "Stream"]

UNARY: Mapping[str, Rpc] = {
    name: rpc for name, rpc in HOST_METADATA_RPCS.items() if not rpc.response_streams
}
"""The methods with one answer."""
(WATCH,) = (rpc for rpc in HOST_METADATA_RPCS.values() if rpc.response_streams)
"""The method with many."""
STOPPING = "the agent is stopping"
"""What ends a stream whose client is still there."""
PROBES_FORBIDDEN = "the agent's configuration forbids probes (probes = false)"
FORBIDDEN = Cause(Reason.PROBES_FORBIDDEN)
NO_SOURCE = Cause(Reason.SOURCE_UNAVAILABLE, retry_seconds=2)
"""What programs are told while the collecting process or libvirt cannot be asked."""
LONGEST_CALL_SECONDS = 60.0
MAX_WATCHES = 8
"""How many watches may be open at once; each holds a thread."""


class Answers(Protocol):
    """Who answers calls that have one answer. Safe to use from several threads."""

    def answer(self, method: str, request: bytes, seconds: float, caller: Caller) -> bytes:
        """Return the response within the seconds; raises CallFailed.

        That the caller may call it was asked before; what the method does may depend on its roles.
        """


class Calls(Answers, Protocol):
    """Who answers the calls of UNARY and WATCH: this process, or another one."""

    def watch(self, request: bytes, caller: Caller) -> Stream:
        """Open a stream of WATCH; raises CallFailed, now or in the stream."""

    def allow_probes(self, *, allowed: bool) -> None:
        """Answer probes from now on, or refuse them."""

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report whether calls are answered, soon and whenever that changes, until closed."""

    def part_states(self, max_age_seconds: float | None, seconds: float) -> Mapping[str, PartState]:
        """Return how each part fares; those older than the age are collected for it.

        None for the age: nothing is collected, and what never was is left out. Empty for who has no
        parts. Takes the seconds at most; raises CallFailed.
        """

    def close(self) -> None:
        """Release what answers; streams end."""


def time_for_answer(seconds: float | None) -> float:
    """Return the seconds that an answer may take so that it arrives within the caller's time."""
    # Without a deadline gRPC gives centuries, which the clock calls do not take.
    if seconds is None or seconds > LONGEST_CALL_SECONDS:
        return LONGEST_CALL_SECONDS
    return max(seconds * 0.8, seconds - 0.5, 0.001)
