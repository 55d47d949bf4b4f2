"""The calls of a process that answers questions about the network, and nothing else."""

from collections.abc import Callable
from typing import NoReturn

from google.protobuf.message import DecodeError

from vmfit.v1.host_metadata_service_pb2 import ProbeRequest, ProbeResponse
from vmfit_agent.calls import FORBIDDEN, PROBES_FORBIDDEN, CallFailed, Status, Stream
from vmfit_agent.host import Host
from vmfit_agent.part_state import PartState
from vmfit_agent.probes.handed_on import METHOD
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_agent.probes.prober import Prober
from vmfit_agent.probes.questions import is_about_network
from vmfit_agent.probes.validation import request_complaint
from vmfit_agent.sources import ProbesExhausted
from vmfit_contract.access import Caller


class NetworkProbes:
    """Answers Probe with questions about the network; see Calls. It needs no privileges.

    Whoever hands questions on to it is not trusted: they are checked here as if nobody had.
    """

    def __init__(self, host: Host, settings: ProbeSettings) -> None:
        self._host = host
        self._may_probe = settings.allowed
        self._prober = Prober(host, settings, takes_servers=True)

    def probe_with(self, settings: ProbeSettings) -> None:
        """Answer from now on as these settings say; what is under way ends as it began."""
        self._prober = Prober(self._host, settings, takes_servers=True)

    def answer(self, method: str, request: bytes, seconds: float, caller: Caller) -> bytes:
        """Return the serialised response; raises CallFailed."""
        if method != METHOD:
            _refuse(f"{method[:100]}: this process answers questions about the network only")
        if not self._may_probe:
            raise CallFailed(Status.FAILED_PRECONDITION, PROBES_FORBIDDEN, cause=FORBIDDEN)
        try:
            asked = ProbeRequest.FromString(request)
        except DecodeError as error:
            message = f"the request is malformed: {error}"
            raise CallFailed(Status.INVALID_ARGUMENT, message) from None
        if (complaint := request_complaint(asked)) is not None:
            raise CallFailed(Status.INVALID_ARGUMENT, ": ".join(complaint), complaint[0])
        for index, probe in enumerate(asked.probes):
            if not is_about_network(probe):
                field = f"probes[{index}].{probe.WhichOneof('question')}"
                raise CallFailed(
                    Status.INVALID_ARGUMENT, f"{field}: needs more than a network", field
                )
        try:
            results = self._prober.answer(asked.probes, seconds, caller, asked.case)
        except ProbesExhausted as error:
            raise CallFailed(Status.RESOURCE_EXHAUSTED, str(error)) from None
        return ProbeResponse(results=results).SerializeToString()

    def watch(self, request: bytes, caller: Caller) -> Stream:  # noqa: ARG002 -- as Calls has it
        """Raise CallFailed: there is nothing to watch."""
        _refuse("this process answers questions about the network only")

    def allow_probes(self, *, allowed: bool) -> None:
        """Answer from now on, or refuse to."""
        self._may_probe = allowed

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
        """Do nothing: questions under way end by themselves."""


def _refuse(why: str) -> NoReturn:
    raise CallFailed(Status.UNIMPLEMENTED, why)
