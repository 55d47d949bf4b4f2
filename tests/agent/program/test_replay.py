import threading
import time

import pytest

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest, DescribeVmResponse
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.sources import UnknownDomain
from vmfit_agent.sources.replay import Replay
from vmfit_contract.access import LOCAL
from vmfit_contract.part_digest import digest
from vmfit_contract.parts import PART_NAMES
from vmfit_contract.snapshot_file import write_snapshot

DAY = 86400


def recording():
    snapshot = Snapshot(schema_revision=1, agent_version="0.0.9")
    snapshot.taken_at.FromSeconds(1_000_100)
    for name, at in (("identity", 1_000_000), ("memory", 1_000_060), ("clock", 1_000_090)):
        getattr(snapshot, name).SetInParent()
        status = snapshot.parts.add(name=name, digest="stale", unchanged=name == "clock")
        status.collected_at.FromSeconds(at)
    snapshot.clock.wall_clock.FromSeconds(1_000_090)
    snapshot.parts.add(name="cpu", error="no such file").collected_at.FromSeconds(1_000_095)
    snapshot.identity.hostname = "alpha"
    for name, uuid, uri in (("web", "u-1", "qemu:///system"), ("u-1", "u-2", "qemu:///session")):
        snapshot.domains.vms.add(name=name, uuid=uuid, connection_uri=uri)
    return snapshot


@pytest.fixture
def replay():
    return Replay(recording(), lambda xml: DescribeVmResponse(xml=xml))


def statuses(snapshot):
    return {status.name: status for status in snapshot.parts}


def test_the_newest_part_counts_as_collected_now_and_distances_stay(replay):
    snapshot = replay.snapshot((), None, {})
    found = statuses(snapshot)
    newest = found["clock"].collected_at.ToNanoseconds() / 1e9
    assert abs(newest - time.time()) < 5
    assert newest - found["identity"].collected_at.ToNanoseconds() / 1e9 == pytest.approx(90)
    assert found["cpu"].collected_at.ToNanoseconds() / 1e9 - newest == pytest.approx(5)
    assert snapshot.clock.wall_clock == found["clock"].collected_at
    assert abs(snapshot.taken_at.ToNanoseconds() / 1e9 - time.time()) < 5
    assert snapshot.recorded_at.seconds == 1_000_100
    assert snapshot.agent_version == "0.0.9"


def test_digests_are_computed_anew_and_absent_parts_say_why(replay):
    snapshot = replay.snapshot((), 0.0, {})
    found = statuses(snapshot)
    assert list(found) == list(PART_NAMES)
    assert found["identity"].digest == digest(snapshot.identity)
    assert not found["clock"].unchanged
    assert found["cpu"].error == "no such file"
    assert found["pci"].error == "not in the recording"
    assert not snapshot.HasField("pci")
    assert found["domains"].digest  # It had no status in the recording.


def test_known_digests_work(replay):
    known = {status.name: status.digest for status in replay.snapshot((), None, {}).parts}
    snapshot = replay.snapshot(["identity"], None, known)
    assert statuses(snapshot)["identity"].unchanged
    assert not snapshot.HasField("identity")


def test_a_replayed_recording_keeps_the_first_time():
    second = recording()
    second.recorded_at.FromSeconds(5)
    snapshot = Replay(second, lambda _: DescribeVmResponse()).snapshot((), None, {})
    assert snapshot.recorded_at.seconds == 5


@pytest.mark.parametrize(
    ("request_", "uuid"),
    [
        (DescribeVmRequest(name="web"), "u-1"),
        (DescribeVmRequest(uuid="u-1"), "u-1"),
        (DescribeVmRequest(uuid="U-1"), "u-1"),
        (DescribeVmRequest(name_or_uuid="web"), "u-1"),
        (DescribeVmRequest(name_or_uuid="u-2"), "u-2"),
        (DescribeVmRequest(name_or_uuid="u-1"), "u-2"),  # A domain of that name wins.
        (DescribeVmRequest(name="web", connection_uri="qemu:///system"), "u-1"),
        (DescribeVmRequest(name="web", connection_uri="qemu:///session"), None),
        (DescribeVmRequest(name="u-2"), None),
        (DescribeVmRequest(uuid="web"), None),
        (DescribeVmRequest(name_or_uuid="db"), None),
    ],
)
def test_describes_recorded_domains(replay, request_, uuid):
    if uuid is None:
        with pytest.raises(UnknownDomain, match="the recording has no domain"):
            replay.describe_vm(request_, None, LOCAL)
    else:
        response = replay.describe_vm(request_, None, LOCAL)
        assert response.vm.uuid == uuid
        assert not response.xml


def test_inline_xml_is_described_without_the_host(replay):
    assert replay.describe_vm(DescribeVmRequest(xml="<domain/>"), None, LOCAL).xml == "<domain/>"


def test_a_recording_without_domains_says_so():
    snapshot = recording()
    snapshot.ClearField("domains")
    snapshot.parts.add(name="domains", error="libvirt is down")
    with pytest.raises(UnknownDomain, match="libvirt is down"):
        Replay(snapshot, lambda _: DescribeVmResponse()).describe_vm(
            DescribeVmRequest(name="web"), None, LOCAL
        )


@pytest.mark.parametrize("file_format", ["json", "binary"])
def test_reads_files(tmp_path, file_format):
    write_snapshot(recording(), tmp_path / "host", file_format)
    replay = Replay.from_file(tmp_path / "host", lambda _: DescribeVmResponse())
    assert replay.snapshot((), None, {}).identity.hostname == "alpha"


def test_a_watch_sends_once_and_ends_with_the_source(replay):
    watch = replay.watch(["identity"], {})
    assert next(watch).identity.hostname == "alpha"
    threading.Timer(0.1, replay.close).start()
    assert list(watch) == []
