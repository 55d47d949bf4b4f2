"""The Comparator service: the engine's answers as serialised messages."""

from collections.abc import Mapping
from typing import Any, Protocol

from google.protobuf.message import Message

from vmfit.v1 import calibration_pb2 as outcomes
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.rpcs import COMPARATOR_RPCS, Rpc
from vmfit_comparator.engine import Engine
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.request_memory import RequestMemory
from vmfit_contract.access import Caller
from vmfit_contract.call_failed import CallFailed, Status


class _Answer(Protocol):
    def __call__(self, request: Any, seconds: float, caller: Caller, /) -> Message: ...  # noqa: ANN401 -- its own kind


class Comparator:
    """Answers from an engine; every error names the field it is about. See Service.

    The caller's time bounds what the agents may take.
    """

    rpcs: Mapping[str, Rpc] = COMPARATOR_RPCS

    def __init__(self, engine: Engine) -> None:
        self._memory = RequestMemory()
        # By the request's message, as the contract's table of RPCs names it.
        answers: dict[type[Message], _Answer] = {
            messages.ListFactsRequest: lambda *_: engine.list_facts(),
            messages.CheckRequest: engine.check,
            messages.RankRequest: engine.rank,
            messages.DiffRequest: engine.diff,
            messages.BaselineRequest: engine.baseline,
            messages.ListHostsRequest: lambda _, seconds, caller: engine.list_hosts(
                seconds, caller
            ),
            messages.GetHostSnapshotRequest: engine.host_snapshot,
            messages.GetHostHistoryRequest: engine.host_history,
            messages.FindTurnRequest: engine.find_turn,
            outcomes.ReportOutcomeRequest: lambda request, *_: engine.report_outcome(request),
            messages.ListHostLeasesRequest: engine.list_leases,
            messages.ReserveMemoryRequest: engine.reserve_memory,
            messages.ReleaseMemoryRequest: engine.release_memory,
            outcomes.GetCalibrationRequest: lambda request, *_: engine.calibration(request),
        }
        self._answers = {
            kind.DESCRIPTOR.full_name: (kind, answer) for kind, answer in answers.items()
        }

    def answer(self, method: str, request: bytes, seconds: float, caller: Caller) -> bytes:
        """Return the response within the seconds; raises CallFailed."""
        kind, answer = self._answers[COMPARATOR_RPCS[method].request]
        with self._memory.reading(kind, request, caller) as message:
            try:
                return answer(message, seconds, caller).SerializeToString()
            except EngineError as error:
                raise CallFailed(
                    Status[error.code.name], str(error), error.field or "", error.cause
                ) from None
