"""Agents that serve a given snapshot over real gRPC, and count what they are asked."""

import secrets
import threading
import time
from concurrent import futures

import grpc

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmResponse,
    GetSnapshotResponse,
    ProbeResponse,
)
from vmfit.v1.host_metadata_service_pb2_grpc import (
    HostMetadataServicer,
    add_HostMetadataServicer_to_server,
)
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_agent.moments import Moments
from vmfit_contract.address import Address
from vmfit_contract.channel import SERVER_OPTIONS
from vmfit_contract.errors import abort


class FakeAgent(HostMetadataServicer):
    """One agent on a unix socket, alive within its `with` block."""

    def __init__(self, socket, snapshot, vms=()):
        self.snapshot = snapshot
        self.vms = {vm.name: vm for vm in vms}
        self.xml = "<domain/>"
        self.persistent_xml = ""
        self.described_xml = None
        self.requests = []
        self.described = []
        self.delay_seconds = 0.0
        self.clock_offset_seconds = 0.0
        self.clock_was_set_by_seconds = 0.0
        self.dies = False
        self.cannot_collect = False
        self.gate = threading.Event()
        self.gate.set()
        self.part_age_seconds = {}
        self.answer_probe = None
        self.probed = []
        self.moments = Moments()
        self.boot_offset_seconds = 0
        self.boot_id = ""
        self.nonce = secrets.token_bytes(32)
        self.on_describe = lambda: None
        self._address = Address(path=str(socket))
        self._server = None

    @property
    def address(self):
        return str(self._address)

    def __enter__(self):
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=SERVER_OPTIONS)
        add_HostMetadataServicer_to_server(self, self._server)
        self._server.add_insecure_port(self._address.target)
        self._server.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def stop(self):
        self.gate.set()
        self._server.stop(None).wait()

    def GetSnapshot(self, request, context):  # noqa: N802
        self.requests.append(request)
        self.gate.wait(10)
        time.sleep(self.delay_seconds)
        if self.dies:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        if request.HasField("max_age"):
            if self.cannot_collect:
                time.sleep(max(context.time_remaining(), 0) + 0.1)
            for part in request.parts:
                self.part_age_seconds[part] = 0
        answer = Snapshot()
        answer.CopyFrom(self.snapshot)
        now = time.time() + self.clock_offset_seconds
        answer.taken_at.FromNanoseconds(int(now * 1e9))
        del answer.parts[:]
        for status in self.snapshot.parts:
            if request.parts and status.name not in request.parts:
                answer.ClearField(status.name)
                continue
            sent = answer.parts.add()
            sent.CopyFrom(status)
            age = self.part_age_seconds.get(status.name, 0)
            collected = now - self.clock_was_set_by_seconds - age
            sent.collected_at.FromNanoseconds(int(collected * 1e9))
            sent.age.FromNanoseconds(int(age * 1e9))
            if status.digest and request.known_digests.get(status.name) == status.digest:
                sent.unchanged = True
                answer.ClearField(status.name)
        moment = self.moments.now()
        # As of a host that has run for long, whatever this machine has.
        moment.since_boot.seconds += 10**7 + self.boot_offset_seconds
        if self.boot_id:
            moment.boot_id = self.boot_id
        return GetSnapshotResponse(snapshot=answer, moment=moment, content_nonce=self.nonce)

    def DescribeVm(self, request, context):  # noqa: N802
        self.described.append(request)
        self.on_describe()
        time.sleep(self.delay_seconds)
        if request.content_nonces and self.nonce not in request.content_nonces:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "content_nonces: none is its own")
        if request.xml:
            if self.described_xml is None:
                abort(context, grpc.StatusCode.INVALID_ARGUMENT, "xml: not a domain", "xml")
            return DescribeVmResponse(vm=self.described_xml)
        name = request.name_or_uuid or request.name
        if name not in self.vms:
            abort(context, grpc.StatusCode.NOT_FOUND, f"no domain {name!r}", "name_or_uuid")
        return DescribeVmResponse(
            vm=self.vms[name], xml=self.xml, persistent_xml=self.persistent_xml
        )

    def Probe(self, request, context):  # noqa: N802
        self.probed.append(list(request.probes))
        if self.answer_probe is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "probes are switched off")
        return ProbeResponse(results=map(self.answer_probe, request.probes))


def described(vm):
    """A copy of a VM, as another host describes it."""
    copy = Vm()
    copy.CopyFrom(vm)
    return copy
