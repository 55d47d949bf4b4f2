"""A file system that hangs, directly and behind links, costs what is on it and nothing else."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.protobuf.duration_pb2 import Duration

from tests.agent.program.hanging_mount import HangingMount
from tests.agent.program.started_agent import StartedAgent
from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest, GetSnapshotRequest, ProbeRequest

ROUNDS = 4
CALLERS = 8
SIZE = 64 * 1024
DISK = """<disk type='file' device='disk'><driver name='qemu' type='{}'/><source file='{}'/>
<target dev='vd{}' bus='virtio'/></disk>"""
DOMAIN = """<domain type='qemu'><name>a</name><memory>1048576</memory>
<os><type arch='x86_64' machine='pc'>hvm</type>{}</os><devices>{}</devices></domain>"""
DEADLINE = 10


@pytest.fixture
def mount(tmp_path):
    mount = HangingMount(tmp_path)
    yield mount
    mount.end()


@pytest.fixture
def places(mount, tmp_path):
    """Paths by what they lead to; each is there twice: as an image and as a link."""
    local = tmp_path / "local"
    local.mkdir()
    for place in (mount.content / "disk", local / "disk"):
        place.write_bytes(b"a" * SIZE)
    (local / "link").symlink_to(mount.point / "disk")
    (local / "again").symlink_to("link")
    (local / "directory").symlink_to(mount.point)
    (mount.content / "back").symlink_to(local / "disk")
    (local / "back").symlink_to(mount.point / "back")
    dead = [mount.point / "disk", mount.point / "none", *(local / each for each in (
        "link", "again", "directory/disk", "directory/none", "back"
    ))]  # fmt: skip
    return [str(each) for each in dead], str(local / "disk")


@pytest.fixture
def agent(mount, tmp_path, places):
    agent = StartedAgent(tmp_path, mount.within)
    yield agent
    mount.go_on()
    assert agent.end() == []


def probes(dead, alive, nonce):
    questions = []
    for path in (*dead, alive):
        block = {"path": path, "nonces": [nonce], "offsets": [0], "block_bytes": 4096}
        questions += [{"hash_blocks": block}, {"access_path": {"path": path}}]
    return ProbeRequest(probes=[{**each, "timeout_seconds": 2} for each in questions])


def content_nonce(stub):
    return stub.GetSnapshot(GetSnapshotRequest(parts=["clock"]), timeout=DEADLINE).content_nonce


class Asked:
    """What callers asked while the file system hung, and what they lost."""

    def __init__(self, agent, point, dead, alive):
        self._agent, self._point, self._dead, self._alive = agent, str(point), dead, alive
        self.tries, self.losses, self.longest = 0, [], 0.0
        self._lock = threading.Lock()

    def note(self, what, good, began):
        with self._lock:
            self.tries += 1
            self.longest = max(self.longest, time.monotonic() - began)
            if not good:
                self.losses.append(what)

    def everything(self, _):
        with self._agent.dial() as stub:
            for ask in (self._snapshot, self._describe, self._probe, self._network):
                began = time.monotonic()
                ask(stub, began)

    def _snapshot(self, stub, began):
        request = GetSnapshotRequest(max_age=Duration())
        snapshot = stub.GetSnapshot(request, timeout=DEADLINE).snapshot
        [found] = [each for each in snapshot.mounts.mounts if each.mount_point == self._point]
        self.note("that the mount hangs", found.hung, began)
        for part in ("identity", "memory", "cpu", "network", "block_devices"):
            self.note(part, snapshot.HasField(part), began)

    def _describe(self, stub, began):
        paths = [*self._dead, self._alive]
        for kind in ("raw", "qcow2"):
            disks = [DISK.format(kind, path, chr(97 + n)) for n, path in enumerate(paths)]
            kernel = f"<kernel>{self._dead[2]}</kernel>"
            request = DescribeVmRequest(xml=DOMAIN.format(kernel, "".join(disks)))
            vm = stub.DescribeVm(request, timeout=DEADLINE).vm
            *hung, healthy = [disk.source.path for disk in vm.disks]
            self.note(f"describe {kind}", healthy.size_bytes == SIZE, began)
            self.note(f"why ({kind})", all("not answer" in each.error for each in hung), began)

    def _probe(self, stub, began):
        questions = probes(self._dead, self._alive, content_nonce(stub))
        results = stub.Probe(questions, timeout=DEADLINE).results
        *hung, blocks, access = results
        self.note(f"blocks: {blocks.error}", bool(blocks.blocks.hashes), began)
        self.note(f"access: {access.error}", access.HasField("access"), began)
        self.note("errors", all(each.error for each in hung), began)

    def _network(self, stub, began):
        request = ProbeRequest(probes=[{"resolve_name": {"name": "192.0.2.1"}}])
        [found] = stub.Probe(request, timeout=DEADLINE).results
        self.note(f"network: {found.error}", bool(found.name.addresses), began)


def test_all_else_is_answered_and_all_when_it_is_back(mount, agent, places):
    dead, alive = places
    with agent.dial() as stub:
        nonce = content_nonce(stub)
        before = stub.Probe(probes(dead, alive, nonce), timeout=DEADLINE).results
        assert [each.error for each in before if each.HasField("blocks")] == [""] * 6
        mount.hang()
        asked = Asked(agent, mount.point, dead, alive)
        for _ in range(ROUNDS):
            with ThreadPoolExecutor(CALLERS) as callers:
                list(callers.map(asked.everything, range(CALLERS)))
        print(f"{asked.tries} tries, {len(asked.losses)} losses, {asked.longest:.2f} s at most")  # noqa: T201
        mount.go_on()
        time.sleep(0.5)
        after = stub.Probe(probes(dead, alive, nonce), timeout=DEADLINE).results
        assert after == before
    assert asked.losses == []
    assert asked.longest < DEADLINE / 2
