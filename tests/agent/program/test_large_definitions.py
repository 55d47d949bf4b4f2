"""What definitions of a megabyte cost the collecting process that runs on a host."""

import grpc
import pytest

from tests.agent.program.started_agent import StartedAgent
from tests.agent.test_definition_bounds import LARGE, definition_of_836_kib
from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest

MIB = 1 << 20


@pytest.fixture
def agent(tmp_path):
    agent = StartedAgent(tmp_path)
    with agent.dial() as stub:
        describe(stub, "<domain><name>g</name></domain>")
    yield agent
    assert agent.end() == []


def describe(stub, xml):
    """Return the status, OK for what is described."""
    try:
        stub.DescribeVm(DescribeVmRequest(xml=xml), timeout=20)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def memory(agent, name="collect"):
    """Return the resident bytes of a process, now and at most."""
    status = dict(
        line.split(":", 1)
        for line in open(f"/proc/{agent.processes[name].pid}/status").read().splitlines()  # noqa: SIM115, PTH123
    )
    return [int(status[each].split()[0]) * 1024 for each in ("VmRSS", "VmHWM")]


def test_definitions_that_are_too_large_are_refused_for_little(agent):
    before, _ = memory(agent)
    with agent.dial() as stub:
        found = {kind: describe(stub, xml) for kind, xml in LARGE.items()}
    now, peak = memory(agent)
    print(f"{(now - before) / MIB:.1f} MiB kept, {(peak - before) / MIB:.1f} MiB at most")  # noqa: T201
    refused = [kind for kind, code in found.items() if code is grpc.StatusCode.INVALID_ARGUMENT]
    assert set(LARGE) - set(refused) <= {"a million spaces"}
    assert peak - before < 64 * MIB
    assert now - before < 48 * MIB


def test_forty_large_definitions_leave_nothing_behind(agent):
    with agent.dial() as stub:
        before, _ = memory(agent)
        codes = [describe(stub, definition_of_836_kib(number)) for number in range(40)]
    now, peak = memory(agent)
    print(f"{(now - before) / MIB:.1f} MiB kept, {(peak - before) / MIB:.1f} MiB at most")  # noqa: T201
    assert codes == [grpc.StatusCode.OK] * 40
    assert peak - before < 96 * MIB
    assert now - before < 48 * MIB
