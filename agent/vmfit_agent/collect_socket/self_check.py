"""Does the collecting process answer itself?"""

from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest
from vmfit_agent.calls import CallFailed, Status
from vmfit_agent.collect_socket.client import CollectSocket
from vmfit_contract.access import LOCAL
from vmfit_contract.address import Address

# Collected by all that any part is collected by, in a fraction of a millisecond.
_PART = "attributes"


def answers_itself(address: Address, seconds: float) -> bool:
    """Return whether a part is collected and answered over the socket in time, or refused."""
    request = GetSnapshotRequest(parts=[_PART])
    request.max_age.FromNanoseconds(int(seconds * 1e9))
    try:
        CollectSocket(address).answer("GetSnapshot", request.SerializeToString(), seconds, LOCAL)
    except CallFailed as failure:
        # Refused as too busy, for one, is an answer.
        return failure.status is not Status.UNAVAILABLE
    return True
