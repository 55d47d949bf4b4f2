"""Memory promised through comparators: how much, of which agent, and never twice."""

import threading

import pytest
from click.testing import CliRunner
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.protobuf.text_format import Parse

from tests.agent.preparation.ledgers import BOOT_ID, FIRST, MIB, SECOND, memory, write_host
from tests.comparator.builders import source_snapshot
from vmfit.v1.comparator_service_pb2 import (
    HostReference,
    ReleaseMemoryRequest,
    ReserveMemoryRequest,
    VmReference,
)
from vmfit.v1.host_pb2 import Identity
from vmfit.v1.vm_pb2 import Vm
from vmfit_agent.collectors import COLLECTORS, Collector
from vmfit_agent.host import Host
from vmfit_agent.ledger.ledger_file import LedgerFile
from vmfit_agent.preparation.calls import PreparationCalls
from vmfit_agent.preparation.host_preparation import HostPreparation
from vmfit_agent.server import AgentServer
from vmfit_agent.service import HostMetadata
from vmfit_agent.sources.in_process import InProcess
from vmfit_comparator.cli import group
from vmfit_comparator.engine import Engine
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.knowledge.coming_memory import coming_memory
from vmfit_contract.address import Address
from vmfit_contract.reasons import Reason

IDENTITY = Identity(hostname="beta", machine_id="b" * 32)
TWO_MEBIBYTES = "huge_pages { size_bytes: 2097152 } }"
CELLS = """
    memory {
        maximum_bytes: 6291456 uses_huge_pages: true
        huge_pages { size_bytes: 2097152 guest_node_ids: 0 }
    }
    numa {
        cells { cell_id: 0 memory_bytes: 4194304 }
        cells { cell_id: 1 memory_bytes: 1048576 }
        placements { cell_id: 0 memory_mode: "strict" host_node_ids: 3 }
    }
"""


@pytest.fixture
def agent(tmp_path):
    """An agent that has 1024 MiB, and promises it."""
    root = write_host(tmp_path / "host", pools=[(2 * MIB, 64)], nodes=[(0, 600)])
    host = Host(root)
    preparation = HostPreparation(host, LedgerFile(root / "var/lib/vmfit-prepare", BOOT_ID))
    collectors = {name: COLLECTORS[name] for name in ("memory", "numa")}
    collectors["identity"] = Collector(lambda _: IDENTITY, None)
    calls = HostMetadata(InProcess(host, collectors, lambda *_: None))
    server = AgentServer(calls, preparer=PreparationCalls(preparation))
    address = server.start(Address(path=str(tmp_path / "agent.sock")))
    yield str(address)
    server.stop()
    preparation.close()


@pytest.fixture
def engine():
    with Engine() as made:
        yield made


def described(uuid=FIRST, mebibytes=512):
    vm = Vm(name="web", uuid=uuid)
    vm.memory.maximum_bytes = mebibytes * MIB
    return vm


def request(agent, vm):
    return ReserveMemoryRequest(
        source=HostReference(snapshot=source_snapshot()),
        destination=HostReference(address=agent),
        vm=VmReference(description=vm),
        duration=Duration(seconds=60),
    )


def release(agent, uuid=FIRST, generation=None):
    return ReleaseMemoryRequest(
        destination=HostReference(address=agent), vm_uuid=uuid, generation=generation
    )


@pytest.mark.parametrize(
    ("vm", "wanted"),
    [
        ("memory { maximum_bytes: 1048576 }", [memory(1)]),
        (
            "memory { maximum_bytes: 1048576 }numa { memory_mode: 'strict' host_node_ids: 1 }",
            [memory(1, node=1)],
        ),
        (
            "memory { maximum_bytes: 1048576 }numa { memory_mode: 'preferred' host_node_ids: 1 }",
            [memory(1)],
        ),
        (
            "memory { maximum_bytes: 1048576 }numa { memory_mode: 'strict' host_node_ids: [1, 2] }",
            [memory(1)],
        ),
        (
            "memory { maximum_bytes: 3145728 uses_huge_pages: true " + TWO_MEBIBYTES,
            [memory(4, page=2 * MIB)],
        ),
        (
            "memory { maximum_bytes: 4194304 uses_huge_pages: true }",
            [memory(1024, page=1024 * MIB)],
        ),
        (
            CELLS,
            [memory(4, node=3, page=2 * MIB), memory(2)],
        ),
    ],
)
def test_how_much_of_what(vm, wanted):
    assert coming_memory(Parse(vm, Vm()), 1024 * MIB) == wanted


def test_the_default_size_has_to_be_known():
    vm = Parse("memory { maximum_bytes: 4194304 uses_huge_pages: true }", Vm())
    with pytest.raises(ValueError, match="default huge page size"):
        coming_memory(vm, 0)


def test_from_a_promise_to_its_release(engine, agent):
    granted = engine.reserve_memory(request(agent, described()))
    assert granted.lease.vm_uuid == FIRST
    assert 50 < granted.remaining.seconds <= 60
    assert engine.reserve_memory(request(agent, described())).lease == granted.lease
    with pytest.raises(EngineError, match="is stale"):
        engine.release_memory(release(agent, generation=granted.lease.generation + 1))
    assert engine.release_memory(release(agent, FIRST.upper())).released
    assert not engine.release_memory(release(agent)).released


def test_what_is_refused_says_why(engine, agent):
    engine.reserve_memory(request(agent, described()))
    for wanted, told in (
        (described(SECOND, 600), "536870912 of them promised to other VMs"),
        (described("", 1), "vm: has no UUID"),
        (described(SECOND, 0), "vm: tells of no memory"),
    ):
        with pytest.raises(EngineError, match=told):
            engine.reserve_memory(request(agent, wanted))
    no_agent = request(agent, described())
    no_agent.destination.snapshot.CopyFrom(source_snapshot())
    with pytest.raises(EngineError, match="only an agent can promise memory"):
        engine.reserve_memory(no_agent)


def test_two_comparators_are_never_promised_the_same(agent):
    """Sixteen VMs of 100 MiB by each of two comparators at once: ten fit into 1024 MiB."""
    granted, reasons = [], []

    def ask(number):
        with Engine() as engine:
            for vm in range(16):
                uuid = f"{number}{vm:07}-0000-4000-8000-000000000000"
                try:
                    granted.append(engine.reserve_memory(request(agent, described(uuid, 100))))
                except EngineError as error:
                    reasons.append(error.code.name)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({each.lease.vm_uuid for each in granted}) == 10
    assert set(reasons) == {"RESOURCE_EXHAUSTED"}


def test_the_commands(agent, tmp_path):
    vm, source = tmp_path / "web.json", tmp_path / "alpha.json"
    vm.write_text(MessageToJson(described()))
    source.write_text(MessageToJson(source_snapshot()))

    def run(*words):
        done = CliRunner().invoke(group, words)
        assert done.exit_code == 0, done.output
        return done.output

    told = run("reserve", "--vm", str(vm), "--from", str(source), "--to", agent, "--for", "90")
    assert "has promised 512 MiB to web for" in told
    assert f"vmfit release {FIRST} --to {agent}" in told
    assert FIRST in run("leases", agent)
    assert run("leases", agent, "-o", "name") == f"{FIRST}\n"
    assert run("release", FIRST, "--to", agent) == f"{FIRST}: released\n"
    assert "nothing was promised" in run("release", FIRST, "--to", agent)


def test_an_agent_that_prepares_nothing(engine, tmp_path):
    calls = HostMetadata(InProcess(Host(tmp_path), {}, lambda *_: None))
    server = AgentServer(calls)
    address = str(server.start(Address(path=str(tmp_path / "agent.sock"))))
    try:
        with pytest.raises(EngineError, match="no preparer") as refused:
            engine.release_memory(release(address))
        assert refused.value.cause.reason != Reason.AGENT_UNREACHABLE
    finally:
        server.stop()
