"""The agent's RPCs, with requests that are malformed, and that are well-formed and strange."""

from contextlib import closing

import atheris

from tests.fuzz.message_mutation import changed, parsed
from tests.fuzz.seeds import CORPUS, HOSTS, TESTS, files
from vmfit.v1 import host_metadata_service_pb2 as messages
from vmfit.v1.probe_pb2 import Probe
from vmfit_agent.calls import CallFailed, Status
from vmfit_agent.host import Host
from vmfit_agent.local_host import local_source
from vmfit_agent.recording.recorded_libvirt import RecordedLibvirt
from vmfit_agent.service import HostMetadata
from vmfit_contract.access import LOCAL
from vmfit_contract.parts import PART_NAMES

_ROOT = HOSTS / "epyc-four-nodes"
_SERVICE = HostMetadata(local_source(Host(_ROOT, RecordedLibvirt(_ROOT))))
_REQUESTS = (
    ("GetSnapshot", messages.GetSnapshotRequest),
    ("DescribeVm", messages.DescribeVmRequest),
    ("Probe", messages.ProbeRequest),
    ("WatchSnapshot", messages.WatchSnapshotRequest),
)
_SECONDS = 5.0
_BUGS = (Status.UNKNOWN, Status.INTERNAL)


def seeds():
    snapshot = messages.GetSnapshotRequest(parts=[*PART_NAMES], known_digests={"cpu": "x"})
    snapshot.max_age.seconds = 1
    probes = messages.ProbeRequest()
    for field in Probe.DESCRIPTOR.fields:
        if field.message_type is not None and not field.is_repeated:
            getattr(probes.probes.add(), field.name).SetInParent()
    requests = [snapshot, messages.DescribeVmRequest(name_or_uuid="guest"), probes,
                messages.WatchSnapshotRequest(parts=["clock"])]  # fmt: skip
    for number, request in enumerate(requests):
        for way in (0, 4):
            yield bytes((number + way,)) + request.SerializeToString() + bytes(64)
    for definition in files("**/domains/**/*.xml", directories=(TESTS, CORPUS)):
        request = messages.DescribeVmRequest(xml=definition.decode("utf-8", "replace"))
        yield b"\1" + request.SerializeToString()


def read(data):
    """The first byte says which call, and whether its message is kept well-formed."""
    method, kind = _REQUESTS[data[0] % 4 if data else 0]
    content = data[1:]
    if data and data[0] & 4:
        message = parsed(kind, content[:-64])
        if message is None:
            return
        content = changed(message, atheris.FuzzedDataProvider(content[-64:])).SerializeToString()
    failure = _failure(method, content)
    assert failure is None or failure.status not in _BUGS, failure


def _failure(method, content):
    try:
        if method == "WatchSnapshot":
            with closing(_SERVICE.watch(content, LOCAL)) as watch:
                next(watch)
        else:
            _SERVICE.answer(method, content, _SECONDS, LOCAL)
    except CallFailed as failure:
        return failure
    return None
