"""What a caller says in place of agents that cannot be asked: the hosts are given by content."""

from dataclasses import replace

from vmfit.v1.comparator_service_pb2 import CheckRequest
from vmfit_comparator.comparison import Inquiry
from vmfit_comparator.engine_error import invalid
from vmfit_comparator.hosts.sides import Side
from vmfit_comparator.request_checks import check_probes, check_vm


def with_stand_ins(
    inquiry: Inquiry, request: CheckRequest, source: Side, destination: Side
) -> Inquiry:
    """Return the inquiry with the incoming VM and the probes' answers that a request has.

    Raises EngineError where an agent can say so itself, and for more than can be looked at.
    """
    if request.HasField("incoming"):
        if destination.client is not None:
            raise invalid("incoming", f"{destination.name} has an agent that describes the VM")
        check_vm(request.incoming, "incoming")
        inquiry = replace(inquiry, incoming=request.incoming)
    if request.HasField("probes"):
        live = next((each for each in (source, destination) if each.client is not None), None)
        if live is not None:
            raise invalid("probes", f"{live.name} has an agent that answers for itself")
        check_probes(request.probes, "probes")
        inquiry = replace(inquiry, probes=request.probes)
    return inquiry
