"""The Comparator service: the engine behind gRPC."""

import logging
from collections.abc import Callable
from typing import TypeVar

import grpc

from vmfit.v1 import calibration_pb2 as outcomes
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.comparator_service_pb2_grpc import ComparatorServicer
from vmfit_comparator.engine import Engine
from vmfit_comparator.engine_error import EngineError
from vmfit_contract.errors import abort

_LOG = logging.getLogger(__name__)
# gRPC gives centuries for a call without a deadline.
_LONGEST_CALL_SECONDS = 3600.0

Answer = TypeVar("Answer")


class Comparator(ComparatorServicer):
    """Answers from an engine; every error names the field it is about.

    The caller's deadline bounds what the agents may take.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ListFacts(  # noqa: N802 -- gRPC's name
        self,
        request: messages.ListFactsRequest,  # noqa: ARG002 -- it has no fields
        context: grpc.ServicerContext,
    ) -> messages.ListFactsResponse:
        """Return the catalogue."""
        return _guarded(context, lambda _: self._engine.list_facts())

    def Check(  # noqa: N802 -- gRPC's name
        self, request: messages.CheckRequest, context: grpc.ServicerContext
    ) -> messages.CheckResponse:
        """Return whether a VM can move."""
        return _guarded(context, lambda seconds: self._engine.check(request, seconds))

    def Rank(  # noqa: N802 -- gRPC's name
        self, request: messages.RankRequest, context: grpc.ServicerContext
    ) -> messages.RankResponse:
        """Return the same for several destinations, best first."""
        return _guarded(context, lambda seconds: self._engine.rank(request, seconds))

    def Diff(  # noqa: N802 -- gRPC's name
        self, request: messages.DiffRequest, context: grpc.ServicerContext
    ) -> messages.DiffResponse:
        """Return what differs between two hosts."""
        return _guarded(context, lambda seconds: self._engine.diff(request, seconds))

    def Baseline(  # noqa: N802 -- gRPC's name
        self, request: messages.BaselineRequest, context: grpc.ServicerContext
    ) -> messages.BaselineResponse:
        """Return what all hosts can give."""
        return _guarded(context, lambda seconds: self._engine.baseline(request, seconds))

    def ListHosts(  # noqa: N802 -- gRPC's name
        self,
        request: messages.ListHostsRequest,  # noqa: ARG002 -- it has no fields
        context: grpc.ServicerContext,
    ) -> messages.ListHostsResponse:
        """Return the inventory."""
        return _guarded(context, self._engine.list_hosts)

    def GetHostSnapshot(  # noqa: N802 -- gRPC's name
        self, request: messages.GetHostSnapshotRequest, context: grpc.ServicerContext
    ) -> messages.GetHostSnapshotResponse:
        """Return a host's snapshot."""
        return _guarded(context, lambda seconds: self._engine.host_snapshot(request, seconds))

    def ReportOutcome(  # noqa: N802 -- gRPC's name
        self, request: outcomes.ReportOutcomeRequest, context: grpc.ServicerContext
    ) -> outcomes.ReportOutcomeResponse:
        """Keep what became of a migration."""
        return _guarded(context, lambda _: self._engine.report_outcome(request))

    def GetCalibration(  # noqa: N802 -- gRPC's name
        self, request: outcomes.GetCalibrationRequest, context: grpc.ServicerContext
    ) -> outcomes.GetCalibrationResponse:
        """Return how often the answers came true."""
        return _guarded(context, lambda _: self._engine.calibration(request))


def _guarded(context: grpc.ServicerContext, call: Callable[[float | None], Answer]) -> Answer:
    """Return what the call returns in the caller's time, or end the RPC with its error's status."""
    remaining: float | None = context.time_remaining()
    if remaining is not None and remaining > _LONGEST_CALL_SECONDS:
        remaining = None
    try:
        return call(remaining)
    except EngineError as error:
        abort(context, error.code, str(error), error.field)
    except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs its own call alone
        _LOG.exception("a call failed")
        abort(context, grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")
