"""The calls of a process that prepares its host, as the socket's server wants them."""

from collections.abc import Callable

from vmfit_agent.calls import CallFailed, Status, Stream
from vmfit_agent.part_state import PartState
from vmfit_agent.preparation.host_preparation import HostPreparation
from vmfit_contract.access import Caller


class PreparationCalls:
    """Answers HostPreparation, and nothing else; see Calls."""

    def __init__(self, preparation: HostPreparation) -> None:
        self._preparation = preparation

    def answer(self, method: str, request: bytes, seconds: float, caller: Caller) -> bytes:  # noqa: ARG002 -- no call waits for anybody
        """Return the serialised response; raises CallFailed."""
        return self._preparation.answer(method, request, caller)

    def watch(self, request: bytes, caller: Caller) -> Stream:  # noqa: ARG002 -- as Calls has it
        """Raise CallFailed: there is nothing to watch."""
        raise CallFailed(Status.UNIMPLEMENTED, "this process keeps leases only")

    def allow_probes(self, *, allowed: bool) -> None:
        """Do nothing: it probes nothing."""

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report that it answers: it always does."""
        report(True)  # noqa: FBT003 -- the report's only argument

    def part_states(
        self,
        max_age_seconds: float | None,  # noqa: ARG002 -- as Calls has it
        seconds: float,  # noqa: ARG002 -- as above
    ) -> dict[str, PartState]:
        """Return nothing: it collects no parts."""
        return {}

    def close(self) -> None:
        """Let another process have the ledger."""
        self._preparation.close()
