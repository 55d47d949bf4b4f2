"""Checks of hosts as they were, one after the other into the past."""

from dataclasses import replace

import grpc

from vmfit.v1.comparator_service_pb2 import CheckResponse, VmReference
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.comparison import Inquiry, compare
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.hosts.sides import Side
from vmfit_comparator.hosts.turns import Turns
from vmfit_comparator.probes import Prober


class Answering:
    """Answers one inquiry for two hosts, each time for an earlier one.

    The VM is the source's of then; where the source did not have it, as it was found last.
    """

    def __init__(
        self, inquiry: Inquiry, names: tuple[str, str], turns: Turns, prober: Prober, until: float
    ) -> None:
        """Take what is asked, what source and destination are called, and for whom it is done."""
        self._inquiry = replace(inquiry, not_probed="hosts are looked at as they were")
        self._names = names
        self._turns = turns
        self._prober = prober
        self._until = until
        self._last: VmReference | None = None

    def __call__(self, source: Snapshot, destination: Snapshot) -> CheckResponse:
        """Return the check. Raises EngineError."""
        try:
            answer = self._answer(self._inquiry, source, destination)
        except EngineError as error:
            if error.code is not grpc.StatusCode.NOT_FOUND or self._last is None:
                raise
            inquiry = replace(self._inquiry, vm=self._last)
            return self._answer(inquiry, source, destination)
        wanted = answer.subject.vm_uuid
        found = [each for each in source.domains.vms if wanted and each.uuid == wanted]
        if found:
            self._last = VmReference(description=found[0])
        return answer

    def _answer(self, inquiry: Inquiry, source: Snapshot, destination: Snapshot) -> CheckResponse:
        sides = [
            Side(name, field, content=snapshot)
            for name, field, snapshot in zip(
                self._names, ("source", "destination"), (source, destination), strict=True
            )
        ]
        # Neither is older than the other: what they are counts, not how often they were asked.
        taken = [each.taken_at.ToNanoseconds() / 1e9 for each in (source, destination)]
        (answer,) = compare(
            inquiry,
            sides[0],
            sides[1:],
            self._turns,
            prober=self._prober,
            until=self._until,
            at_seconds=min(each for each in taken if each) if any(taken) else None,
        )
        if isinstance(answer, EngineError):
            raise answer
        return answer
