"""Ranks so many hosts whose answers are as large as may be; prints MiB grown, answered, refused."""

import multiprocessing
import sys
import time
from concurrent import futures
from multiprocessing.connection import Connection

import grpc

from tests.comparator.builders import source_snapshot, vm
from tests.comparator.raw_agents import SameBytes, peak_memory
from vmfit.v1.comparator_service_pb2 import RankRequest
from vmfit.v1.host_metadata_service_pb2 import GetSnapshotResponse
from vmfit_agent.moments import Moments
from vmfit_comparator import Engine
from vmfit_comparator.hosts.agents import MAX_ANSWER_BYTES


def large_answer():
    """Return what takes as much memory as an answer may, but for its times."""
    response = GetSnapshotResponse(snapshot=source_snapshot())
    for status in response.snapshot.parts:
        status.age.seconds = 1
    vms = response.snapshot.domains.vms
    for _ in range(12_000):
        vms.add().disks.add()
    filler = MAX_ANSWER_BYTES - response.ByteSize() - 4096
    response.snapshot.kernel.version = "x" * filler
    return response.SerializeToString()


def times():
    """Return the times of an answer, to be added to its bytes."""
    response = GetSnapshotResponse(moment=Moments().now())
    response.moment.since_boot.seconds += 10**7
    response.snapshot.taken_at.GetCurrentTime()
    return response.SerializeToString()


def serve(ports: int, told: Connection):
    """Be so many agents, until the connection ends."""
    options = (("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0))
    server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
    answer = large_answer()
    server.add_generic_rpc_handlers([SameBytes({"GetSnapshot": lambda _: answer + times()})])
    told.send([server.add_insecure_port("127.0.0.1:0") for _ in range(ports)])
    server.start()
    told.recv()


def main():
    """Rank twice, the second time with what is known of the first."""
    count = int(sys.argv[1])
    here, there = multiprocessing.Pipe()
    agents = multiprocessing.get_context("spawn").Process(target=serve, args=(count, there))
    agents.start()
    request = RankRequest(vm={"description": vm()}, no_probes=True)
    request.source.snapshot.CopyFrom(source_snapshot())
    for port in here.recv():
        request.destinations.add(address=f"127.0.0.1:{port}")
    time.sleep(0.5)
    with peak_memory() as grown, Engine(insecure=True, agent_timeout_seconds=60) as engine:
        engine._agents._room._total = 200 << 20
        for _ in range(2):
            response = engine.rank(request)
        errors = [each for check in response.checks for each in check.subject.errors]
        others = {each.error for each in errors if "left for all hosts' answers" not in each.error}
        assert not others, others
        sys.stdout.write(f"{grown():.0f} {count - len(errors)} {len(errors)}\n")
    here.send("end")
    agents.join()


if __name__ == "__main__":
    main()
