"""The comparator's RPCs, with snapshots, VMs and policies of the caller's own."""

import atexit
import shutil
import tempfile

import atheris

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.fuzz.message_mutation import changed, parsed
from vmfit.v1 import calibration_pb2 as outcomes
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.policy_pb2 import Policy
from vmfit_comparator.engine import Engine
from vmfit_comparator.outcomes.history import History
from vmfit_comparator.service import Comparator
from vmfit_comparator.store.store import Store
from vmfit_contract.access import LOCAL
from vmfit_contract.call_failed import CallFailed, Status

MEMORY_MB = 1000
_DIRECTORY = tempfile.mkdtemp()
atexit.register(shutil.rmtree, _DIRECTORY, ignore_errors=True)
_ENGINE = Engine(
    history=History(Store(f"sqlite:///{_DIRECTORY}/outcomes.sqlite")), agent_timeout_seconds=0.1
)
atexit.register(_ENGINE.close)
_SERVICE = Comparator(_ENGINE)
_SECONDS = 5.0
_BUGS = (Status.UNKNOWN, Status.INTERNAL)
_CHANGES_BYTES = 96
_REQUESTS = (
    ("Check", messages.CheckRequest),
    ("Rank", messages.RankRequest),
    ("Diff", messages.DiffRequest),
    ("Baseline", messages.BaselineRequest),
    ("ListHosts", messages.ListHostsRequest),
    ("GetHostSnapshot", messages.GetHostSnapshotRequest),
    ("GetHostHistory", messages.GetHostHistoryRequest),
    ("FindTurn", messages.FindTurnRequest),
    ("ReportOutcome", outcomes.ReportOutcomeRequest),
    ("GetCalibration", outcomes.GetCalibrationRequest),
)


def _hosts():
    return [
        messages.HostReference(snapshot=each)
        for each in (source_snapshot(), destination_snapshot())
    ]


def _requests():
    source, destination = _hosts()
    description = messages.VmReference(description=vm())
    policy = Policy(name="own")
    policy.user_facts.add(id="site.rack", question="Same?", expression="vm.name == 'a'")
    check = messages.CheckRequest(source=source, destination=destination, vm=description)
    yield "Check", check
    check.policy.inline.CopyFrom(policy)
    yield "Check", check
    yield "Rank", messages.RankRequest(source=source, destinations=[destination], vm=description)
    yield "Baseline", messages.BaselineRequest(hosts=[source, destination])
    yield "ListHosts", messages.ListHostsRequest()
    yield "GetHostSnapshot", messages.GetHostSnapshotRequest(host=source)
    yield "ReportOutcome", outcomes.ReportOutcomeRequest(check_id="x")
    yield "GetCalibration", outcomes.GetCalibrationRequest()


def seeds():
    numbers = {method: number for number, (method, _) in enumerate(_REQUESTS)}
    for method, request in _requests():
        for way in (0, 8):
            start = bytes((numbers[method] + way,))
            for changes in (b"\0", b"\x55", b"\xaa") if way else (b"",):
                yield start + request.SerializeToString() + changes * _CHANGES_BYTES


def read(data):
    """The first byte says which call, and whether its message is kept well-formed."""
    kept_whole = data[:1] > b"\x07"
    method, kind = _REQUESTS[data[0] % len(_REQUESTS) if data else 0]
    content = data[1:-_CHANGES_BYTES] if kept_whole else data[1:]
    message = parsed(kind, content)
    if message is None:
        return
    if kept_whole:
        message = changed(message, atheris.FuzzedDataProvider(data[-_CHANGES_BYTES:]))
    _forget_addresses(message)
    failure = _failure(method, message.SerializeToString())
    assert failure is None or failure.status not in _BUGS, failure


def _failure(method, content):
    try:
        _SERVICE.answer(method, content, _SECONDS, LOCAL)
    except CallFailed as failure:
        return failure
    return None


def _forget_addresses(message):
    """Ask nobody: only a socket that nobody has."""
    for field, value in message.ListFields():
        if field.message_type is not messages.HostReference.DESCRIPTOR:
            continue
        for each in value if field.is_repeated else (value,):
            if each.HasField("address"):
                each.address = "unix:/nonexistent/socket"
