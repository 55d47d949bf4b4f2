"""What libvirt calls the host: told with the identity, and to older callers as they know it."""

import threading

import grpc
import pytest

from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest, WatchSnapshotRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit.v1.host_pb2 import Identity
from vmfit.v1.hypervisor_pb2 import Hypervisor
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.sources.in_process import InProcess
from vmfit_contract.part_digest import digest
from vmfit_contract.revisions import SCHEMA_REVISION

PARTS = ("identity", "hypervisor")
URI = "qemu:///system"
UUID = "a4000000-0000-4000-8000-000000000001"


class LateLibvirt:
    """The identity is there at once, without libvirt's word; libvirt answers when it is let."""

    def __init__(self, error=None):
        self.name = "alpha.example.net"
        self.error = error
        self.answers = threading.Event()
        self.identities = 0

    def source(self):
        collectors = {
            "identity": Collector(self._identity, None),
            "hypervisor": Collector(self._hypervisor, None, deadline_seconds=0.2),
        }
        return InProcess(Host(), collectors, lambda *_: None)

    def _identity(self, host):
        self.identities += 1
        return Identity(hostname="alpha")

    def _hypervisor(self, host):
        if self.error is not None:
            raise self.error
        self.answers.wait(60)
        hypervisor = Hypervisor()
        hypervisor.connections.add(uri=URI, driver="QEMU", host_uuid=UUID, hostname=self.name)
        return hypervisor


@pytest.fixture
def late():
    libvirt = LateLibvirt()
    yield libvirt
    libvirt.answers.set()


def names(snapshot):
    return [(each.host_uuid, each.hostname) for each in snapshot.identity.libvirt_identities]


def test_the_names_are_there_as_soon_as_the_hypervisor_part_is(late):
    source = late.source()
    first = source.snapshot(PARTS, None, {})
    assert not first.HasField("hypervisor")
    assert first.identity.hostname == "alpha"
    assert not names(first)
    late.answers.set()
    while not (second := source.snapshot(PARTS, None, {})).HasField("hypervisor"):
        pass
    # The identity was not collected again, and has them all the same.
    assert late.identities == 1
    assert names(second) == [(UUID, "alpha.example.net")]
    assert second.identity.libvirt_host_uuid == UUID
    assert not second.hypervisor.connections[0].HasField("host_uuid")
    assert {each.name: each.digest for each in second.parts} == {
        "identity": digest(second.identity),
        "hypervisor": digest(second.hypervisor),
    }
    assert names(source.snapshot(["identity"], None, {})) == names(second)


def test_a_watch_tells_both_together(late):
    watch = late.source().watch(PARTS, {})
    assert not next(watch).HasField("hypervisor")
    late.answers.set()
    watch._source.invalidate(["hypervisor"])
    told = []
    for changed in watch:
        # The names may be told before, as soon as they are known, but never after.
        if changed.HasField("identity"):
            told = names(changed)
        if changed.HasField("hypervisor"):
            watch.cancel()
    assert told == [(UUID, "alpha.example.net")]


def test_many_callers_at_once_never_see_a_hypervisor_without_its_names(late):
    source, seen = late.source(), []

    def ask():
        while True:
            snapshot = source.snapshot(PARTS, 0.0, {})
            seen.append((snapshot.HasField("hypervisor"), bool(names(snapshot))))
            if snapshot.HasField("hypervisor"):
                return

    callers = [threading.Thread(target=ask) for _ in range(8)]
    for each in callers:
        each.start()
    late.answers.set()
    for each in callers:
        each.join(60)
    assert len(seen) >= len(callers)
    assert (True, False) not in seen


def test_without_libvirt_the_identity_is_what_it_is():
    snapshot = LateLibvirt(LibvirtUnavailable("refused")).source().snapshot(PARTS, None, {})
    assert snapshot.identity == Identity(hostname="alpha")


def test_callers_of_revision_1_get_what_they_know(late, start):
    late.answers.set()
    with grpc.insecure_channel(start(late.source()).target) as channel:
        stub = HostMetadataStub(channel)

        def ask(parts=PARTS, **fields):
            return stub.GetSnapshot(GetSnapshotRequest(parts=parts, **fields), timeout=60).snapshot

        while not (old := ask()).HasField("hypervisor"):
            pass
        new = ask(schema_revision=SCHEMA_REVISION)
        assert (old.schema_revision, new.schema_revision) == (1, SCHEMA_REVISION)
        (connection,) = old.hypervisor.connections
        assert (connection.host_uuid, connection.hostname) == (UUID, "alpha.example.net")
        assert old.identity.libvirt_host_uuid == UUID
        assert not old.identity.libvirt_identities
        alone = ask(parts=["hypervisor"])
        assert alone.hypervisor == old.hypervisor
        assert not alone.HasField("identity")
        known = {each.name: each.digest for each in old.parts}
        again = ask(known_digests=known)
        assert [each.unchanged for each in again.parts] == [True, True]
        assert not again.HasField("hypervisor")
        watched = next(stub.WatchSnapshot(WatchSnapshotRequest(parts=PARTS), timeout=60)).snapshot
        assert watched.hypervisor == old.hypervisor
