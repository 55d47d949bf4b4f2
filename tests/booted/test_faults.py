"""The services under systemd when they are killed again and again, or have next to no room."""

import subprocess
import textwrap
import time

from tests.booted.test_services import (
    AGENT,
    COMPARATOR,
    SERVICES,
    answers,
    await_other_pid,
    drop_ins,
    pid_of,
    running,
    settings,
)

__all__ = ["running"]

KILLS = 12
PAUSE_SECONDS = 1.0
# Each call is tried until it is answered; what is counted are calls that had to be tried again.
ASKING = textwrap.dedent("""
    import select, sys, time
    import grpc
    from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest
    from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
    from vmfit.v1.calibration_pb2 import GetCalibrationRequest
    from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
    options = [("grpc.max_reconnect_backoff_ms", 500), ("grpc.enable_retries", 0)]
    answered, failed, other, longest = 0, 0, set(), 0.0
    def ask(call):
        global answered, failed, longest
        began = time.monotonic()
        while True:
            try:
                call()
                break
            except grpc.RpcError as error:
                failed += 1
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    other.add(f"{error.code().name}: {error.details()}")
                time.sleep(0.05)
        answered += 1
        longest = max(longest, time.monotonic() - began)
    with grpc.insecure_channel(sys.argv[1], options) as one:
        with grpc.insecure_channel(sys.argv[2], options) as two:
            agent, comparator = HostMetadataStub(one), ComparatorStub(two)
            print("begun", flush=True)
            while not select.select([sys.stdin], [], [], 0)[0]:
                ask(lambda: agent.GetSnapshot(GetSnapshotRequest(parts=["memory"]), timeout=10))
                ask(lambda: comparator.GetCalibration(GetCalibrationRequest(), timeout=10))
    print(answered, failed, f"{longest:.1f}", *sorted(other), sep="; ")
""")


def test_killed_again_and_again_they_are_back(running):
    store = 'store = "sqlite:////var/lib/vmfit/comparator.db"\n'
    command = running.command("/usr/lib/vmfit/bin/python3", "-c", ASKING, AGENT, COMPARATOR)
    with settings(running, "comparator.toml", store), drop_ins(running, "RestartSec=100ms"):
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as asking:
            assert asking.stdout.readline() == "begun\n"
            for _ in range(KILLS):
                pids = {each: pid_of(running, each) for each in SERVICES}
                running.run("kill", "-KILL", *map(str, pids.values()))
                for service, pid in pids.items():
                    await_other_pid(running, service, pid, 30)
                time.sleep(PAUSE_SECONDS)
            printed, _ = asking.communicate("end\n", timeout=60)
        answers(running)
        restarts = {each: int(running.show(each, "NRestarts")["NRestarts"]) for each in SERVICES}
    answered, failed, longest, *other = printed.strip().split("; ")
    told = f"{answered} calls answered, {failed} tries failed, {longest} s for the longest call"
    print(f"{KILLS} kills of each service: {told}")  # noqa: T201 -- what was tried and lost
    assert int(answered) > KILLS
    assert float(longest) < 30
    # What was under way in collect ends with it.
    assert [each for each in other if "collect" not in each] == []
    assert min(restarts.values()) >= KILLS


def test_with_next_to_no_descriptors_they_start_and_answer(running):
    with drop_ins(running, "LimitNOFILE=64"):
        answers(running)
        for service in SERVICES:
            assert running.show(service, "NRestarts") == {"NRestarts": "0"}
