"""Probes over two fake agents: what is asked, in which order, and what becomes of every failure."""

import hashlib
import time

import pytest

from tests.comparator.builders import destination_snapshot, migration, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent, described
from tests.comparator.made_facts import made
from vmfit.v1.comparator_service_pb2 import (
    CheckRequest,
    HostReference,
    PolicyReference,
    RankRequest,
    VmReference,
)
from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.migration_pb2 import MigrationOptions, StorageCopy
from vmfit.v1.probe_pb2 import (
    AccessAnswer,
    BlocksAnswer,
    ConnectAnswer,
    ConnectOutcome,
    DefinitionAnswer,
    DirtyRateAnswer,
    DiskAnswer,
    ListenerAnswer,
    NameAnswer,
    ProbeResult,
)
from vmfit_comparator import Engine
from vmfit_comparator.evaluation.result import yes
from vmfit_comparator.policies.policy_file import parse_policy
from vmfit_contract.content_key import content_key

SEEN = []
CONNECTED = ConnectOutcome.CONNECT_OUTCOME_CONNECTED


@made("test.probes", reads=("probes.migration_port",))
def _probes(case):
    """Keep what was found."""
    SEEN.append(case.probes)
    return yes("seen")


@made("test.rates", reads=("probes.dirty_rate",))
def _rates(_case):
    """Want the dirty rate."""
    return yes("seen")


@made("test.other", reads=("vm.name",))
def _other(_case):
    """Want no probe."""
    return yes("seen")


class Peer:
    """Answers questions as a healthy host does, with an image of its own."""

    def __init__(self, image=b"", port=49152):
        self.image = bytearray(image)
        self.port = port
        self.after_reading = lambda: None
        self.override = {}

    def __call__(self, probe):
        kind = probe.WhichOneof("question")
        if kind in self.override:
            return self.override[kind]
        return getattr(self, kind)(getattr(probe, kind))

    def resolve_name(self, _question):
        return ProbeResult(name=NameAnswer(addresses=["192.0.2.2"]))

    def open_listener(self, question):
        self.port += 1
        port = self.port if question.first_port != question.last_port else question.first_port
        return ProbeResult(listener=ListenerAnswer(port=port))

    def connect_port(self, question):
        return ProbeResult(connect=ConnectAnswer(outcome=CONNECTED, address=question.host))

    def open_disk(self, _question):
        return ProbeResult(disk=DiskAnswer(opens=True))

    def access_path(self, _question):
        return ProbeResult(access=AccessAnswer(allowed=True))

    def measure_dirty_rate(self, _question):
        return ProbeResult(dirty_rate=DirtyRateAnswer(bytes_per_second=7 << 20, period_seconds=1))

    def read_definition(self, question):
        return ProbeResult(definition=DefinitionAnswer(understood="ps2" not in question.xml))

    def hash_blocks(self, question):
        answer = BlocksAnswer(size_bytes=len(self.image))
        for offset in question.offsets:
            block = bytes(self.image[offset : offset + question.block_bytes])
            answer.hashes.append(
                hashlib.blake2b(block, digest_size=16, key=content_key(question.nonces)).digest()
            )
        self.after_reading()
        return ProbeResult(blocks=answer)


@pytest.fixture
def agents(tmp_path):
    SEEN.clear()
    with (
        FakeAgent(tmp_path / "a", source_snapshot(), [vm()]) as source,
        FakeAgent(tmp_path / "b", destination_snapshot()) as destination,
    ):
        source.answer_probe, destination.answer_probe = Peer(), Peer()
        destination.described_xml = described(vm())
        yield source, destination


@pytest.fixture
def engine():
    with Engine(facts={each.id: each for each in (_probes, _other)}) as engine:
        yield engine


@pytest.fixture
def rates():
    """An engine of facts of which one wants to know the dirty rate."""
    with Engine(facts={each.id: each for each in (_probes, _rates)}) as engine:
        yield engine


def _check(engine, agents, seconds=5.0, **fields):
    source, destination = agents
    request = CheckRequest(
        **{
            "source": HostReference(address=source.address),
            "destination": HostReference(address=destination.address),
            "vm": VmReference(name_or_uuid=vm().name),
            **fields,
        }
    )
    response = engine.check(request, timeout_seconds=seconds)
    assert response.verdict.answer == Answer.ANSWER_YES
    return SEEN[-1] if SEEN else None


def _kinds(agent):
    return [[each.WhichOneof("question") for each in probes] for probes in agent.probed]


def _questions(agent, kind):
    """Return the questions of one kind; calls that are under way together arrive in any order."""
    questions = [each for probes in agent.probed for each in probes]
    return [getattr(each, kind) for each in questions if each.WhichOneof("question") == kind]


def _listened(agents):
    return _kinds(agents[1]).count(["open_listener"])


def _comparable(agents, here, there):
    """Have the one disk lie where only its content tells."""
    source, destination = agents
    for agent, image in ((source, here), (destination, there)):
        guest = described(vm())
        path = guest.disks[0].source.path
        path.Clear()
        path.path, path.exists, path.kind = "/srv/disk", True, "block"
        path.size_bytes = len(image)
        agent.vms = {guest.name: guest}
        agent.described_xml = guest
        agent.answer_probe = Peer(image)


def test_name_and_port(agents, engine):
    found = _check(engine, agents)
    assert list(found.destination_name.answer.addresses) == ["192.0.2.2"]
    assert found.destination_name.name == "beta.example.net"
    assert found.migration_port.answer.outcome == CONNECTED
    assert (found.migration_port.host, found.migration_port.port) == ("beta.example.net", 49153)
    assert not found.HasField("disks_port")
    assert sorted(_kinds(agents[0])) == [["connect_port"], ["resolve_name"]]
    listen = _questions(agents[1], "open_listener")[0]
    assert (listen.address, listen.first_port, listen.last_port) == ("", 49152, 49215)


def test_disks_port(agents, engine):
    options = MigrationOptions(storage_copy=StorageCopy.STORAGE_COPY_ALL, disks_port=10809)
    found = _check(engine, agents, options=options)
    assert (found.disks_port.port, found.disks_port.answer.outcome) == (10809, CONNECTED)
    assert ["open_listener", "open_listener"] in _kinds(agents[1])


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"migration_uri": "tcp://192.0.2.7:4444"}, ("192.0.2.7", 4444, "")),
        ({"migration_uri": "tcp:192.0.2.7"}, ("192.0.2.7", 49152, "")),
        ({"migration_uri": "tcp://[2001:db8::7]"}, ("2001:db8::7", 49152, "")),
        ({"listen_address": "192.0.2.2"}, ("beta.example.net", 49152, "192.0.2.2")),
    ],
)
def test_where_to(agents, engine, options, where):
    found = _check(engine, agents, options=MigrationOptions(**options))
    listen = _questions(agents[1], "open_listener")[0]
    assert (found.migration_port.host, listen.first_port, listen.address) == where


@pytest.mark.parametrize(
    "options", [{"tunnelled": True}, {"offline": True}, {"migration_uri": "unix:///run/m"}]
)
def test_what_needs_no_port(agents, engine, options):
    found = _check(engine, agents, options=MigrationOptions(**options))
    assert not found.HasField("migration_port")
    assert "open_listener" not in str(agents[1].probed)


def test_a_peer_connects_to_libvirt_itself(agents, engine):
    options = MigrationOptions(peer_to_peer=True, destination_uri="qemu+tls://beta/system")
    found = _check(engine, agents, options=options)
    assert (found.libvirt_port.host, found.libvirt_port.port) == ("beta", 16514)
    assert found.libvirt_port.answer.outcome == CONNECTED


def test_the_destination_connects_to_servers_of_devices(agents, engine):
    for agent in agents:
        guest = described(vm())
        for type_, host, port, again in (
            ("tcp", "consoles", 7001, False),
            ("tcp", "consoles", 7001, False),
            ("tcp", "patient", 7002, True),
            ("tcp", "127.0.0.1", 7003, False),
            ("udp", "logs", 514, False),
            ("udp", "192.0.2.9", 514, False),
        ):
            guest.character_devices.add(
                kind="serial", type=type_, mode="connect", host=host, port=port, reconnects=again
            )
        agent.vms, agent.described_xml = {guest.name: guest}, guest
    found = _check(engine, agents)
    assert [(each.host, each.port) for each in found.device_servers] == [("consoles", 7001)]
    assert found.device_servers[0].answer.outcome == CONNECTED
    assert [each.name for each in found.device_names] == ["logs"]
    assert list(found.device_names[0].answer.addresses) == ["192.0.2.2"]
    assert ["connect_port", "resolve_name"] in _kinds(agents[1])


def test_equal_versions_read_a_definition_alike(agents, engine):
    assert not _check(engine, agents).HasField("definition")


def test_the_destination_reads_the_definition_where_versions_differ(agents, engine):
    source, destination = agents
    newer = destination_snapshot()
    newer.hypervisor.connections[0].libvirt_version += 1000
    destination.snapshot = newer
    assert _check(engine, agents).definition.answer.understood
    (question,) = _questions(destination, "read_definition")
    assert question.xml == source.xml
    assert _questions(source, "read_definition") == []


def test_the_destination_reads_changed_xml(agents, engine):
    agents[1].described_xml = described(vm())
    changed = MigrationOptions(destination_xml="<domain><features><ps2/></features></domain>")
    found = _check(engine, agents, options=changed)
    assert found.definition.HasField("answer")
    assert not found.definition.answer.understood


def test_the_destination_reads_the_stored_definition_that_goes_along(agents, engine):
    source, destination = agents
    newer = destination_snapshot()
    newer.hypervisor.connections[0].libvirt_version += 1000
    destination.snapshot = newer
    source.persistent_xml = "<domain><features><ps2/></features></domain>"
    assert not _check(engine, agents).HasField("persistent_definition")
    found = _check(engine, agents, options=MigrationOptions(persistent=True))
    assert found.definition.answer.understood
    assert found.persistent_definition.HasField("answer")
    assert not found.persistent_definition.answer.understood
    given = MigrationOptions(persistent=True, persistent_xml="<domain/>")
    assert _check(engine, agents, options=given).persistent_definition.answer.understood


LIMITED = MigrationOptions(live=True, bandwidth_bytes_per_second=1 << 20)


def _measured(agents):
    return len(_questions(agents[0], "measure_dirty_rate"))


def test_a_dirty_rate_is_measured_on_the_source_where_the_copy_may_not_end(agents, rates):
    found = _check(rates, agents, options=LIMITED)
    assert found.dirty_rate.answer.bytes_per_second == 7 << 20
    (question,) = _questions(agents[0], "measure_dirty_rate")
    assert (question.uuid, question.period_seconds) == (vm().uuid, 1)
    assert _questions(agents[1], "measure_dirty_rate") == []


def test_an_ordinary_check_does_not_wait_for_a_measurement(agents, rates):
    assert not _check(rates, agents).HasField("dirty_rate")
    assert _measured(agents) == 0


def test_nobody_wants_to_know_the_dirty_rate(agents, engine):
    assert not _check(engine, agents, options=LIMITED).HasField("dirty_rate")
    assert _measured(agents) == 0


def test_a_dirty_rate_is_reused_for_a_moment(agents, rates, monkeypatch):
    for _ in range(2):
        assert _check(rates, agents, options=LIMITED).dirty_rate.HasField("answer")
    assert _measured(agents) == 1
    monkeypatch.setattr("vmfit_comparator.probes.recent._SECONDS", 0)
    _check(rates, agents, options=LIMITED)
    assert _measured(agents) == 2


def test_destinations_that_are_ranked_share_a_measurement(agents, rates):
    source, destination = agents
    peer = source.answer_probe
    answer = peer.measure_dirty_rate
    peer.measure_dirty_rate = lambda question: time.sleep(0.3) or answer(question)
    request = RankRequest(
        source=HostReference(address=source.address),
        destinations=[HostReference(address=destination.address)] * 8,
        vm=VmReference(name_or_uuid=vm().name),
        options=LIMITED,
    )
    rates.rank(request)
    assert [each.dirty_rate.answer.bytes_per_second for each in SEEN] == [7 << 20] * 8
    assert _measured(agents) == 1


def test_an_agent_that_cannot_measure_is_asked_again(agents, rates):
    agents[0].answer_probe.override["measure_dirty_rate"] = ProbeResult(error="a job")
    for _ in range(2):
        error = _check(rates, agents, options=LIMITED).dirty_rate.error
        assert error == f"host {agents[0].address}: a job"
    assert _measured(agents) == 2


def test_a_measurement_that_does_not_fit(agents, rates):
    found = _check(rates, agents, seconds=1.5, options=LIMITED)
    assert "s are left" in found.dirty_rate.error
    assert _measured(agents) == 0


def test_no_free_port(agents, engine):
    reason = ListenerAnswer(reason="port 49215: Address already in use")
    agents[1].answer_probe.override["open_listener"] = ProbeResult(listener=reason)
    found = _check(engine, agents)
    assert found.migration_port.none_free
    assert "49215" in found.migration_port.error
    assert "connect_port" not in str(agents[0].probed)


def test_ways_are_reused_for_a_moment(agents, engine, monkeypatch):
    _check(engine, agents)
    assert _check(engine, agents).migration_port.answer.outcome == CONNECTED
    assert _listened(agents) == 1
    _check(engine, agents, options=MigrationOptions(listen_address="192.0.2.2"))
    assert _listened(agents) == 2
    monkeypatch.setattr("vmfit_comparator.probes.recent._SECONDS", 0)
    _check(engine, agents)
    assert _listened(agents) == 3


def test_failures_are_not_reused(agents, engine):
    agents[1].answer_probe.override["open_listener"] = ProbeResult(error="too many listeners")
    error = _check(engine, agents).migration_port.error
    assert error == f"host {agents[1].address}: too many listeners"
    agents[1].answer_probe.override.clear()
    assert _check(engine, agents).migration_port.answer.outcome == CONNECTED


def test_an_agent_that_forbids_probes(agents, engine):
    agents[1].answer_probe = None
    found = _check(engine, agents)
    assert "switched off" in found.migration_port.error
    assert found.destination_name.HasField("answer")


def test_a_slow_agent_costs_three_seconds_at_most(agents, engine, monkeypatch):
    monkeypatch.setattr("vmfit_comparator.probes.prober._BUDGET_SECONDS", 0.3)
    agents[1].answer_probe.open_listener = lambda _question: time.sleep(1) or ProbeResult()
    started = time.monotonic()
    found = _check(engine, agents)
    assert time.monotonic() - started < 0.9
    assert "time" in found.migration_port.error
    asked = [each for probes in agents[1].probed for each in probes]
    assert all(0 < each.timeout_seconds < 0.3 for each in asked)


def test_an_agent_that_answers_too_little(agents, engine):
    agents[1].answer_probe.override["open_listener"] = ProbeResult()
    assert _check(engine, agents).migration_port.none_free


def test_a_bug_costs_the_probes_alone(agents, engine, monkeypatch):
    def broken(*_):
        raise RuntimeError("oops")

    monkeypatch.setattr("vmfit_comparator.probes.prober.plan", broken)
    assert "oops" in _check(engine, agents).not_asked


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"no_probes": True}, "request"),
        ({"policy": PolicyReference(inline=parse_policy("allow_probes: false"))}, "policy inline"),
        ({"destination": HostReference(snapshot=destination_snapshot())}, "recording"),
    ],
)
def test_not_asked(agents, engine, fields, word):
    assert word in _check(engine, agents, **fields).not_asked
    assert agents[0].probed == agents[1].probed == []


def test_nobody_wants_to_know(agents, engine):
    _check(engine, agents, facts=["test.other"])
    assert agents[0].probed == []


def test_rank_asks_for_few_hosts_only(agents, engine, monkeypatch):
    source, destination = agents
    request = RankRequest(
        source=HostReference(address=source.address),
        destinations=[HostReference(address=destination.address)] * 2,
        vm=VmReference(name_or_uuid=vm().name),
    )
    engine.rank(request)
    assert [each.migration_port.answer.outcome for each in SEEN] == [CONNECTED] * 2
    monkeypatch.setattr("vmfit_comparator.engine._MAX_PROBED", 1)
    engine.rank(request)
    assert "more than 1" in SEEN[-1].not_asked


def test_network_disks_without_secrets(agents, engine):
    for agent in agents:
        guest = described(vm())
        del guest.disks[:]
        for name in ("vda", "vdb"):
            disk = guest.disks.add(target=name, device="disk")
            disk.source.type, disk.source.protocol, disk.source.name = "network", "nbd", name
            disk.source.hosts.add(name="192.0.2.9")
        guest.secrets.add(type="iscsi", user="disk vdb")
        agent.vms, agent.described_xml = {guest.name: guest}, guest
    found = _check(engine, agents)
    for opened in (found.disks, found.source_disks):
        assert [(each.target, each.answer.opens) for each in opened] == [("vda", True)]
    (server,) = found.device_servers
    assert (server.host, server.port, server.answer.outcome) == ("192.0.2.9", 10809, CONNECTED)


def test_whether_qemu_may_read_its_key(agents, engine):
    destination = destination_snapshot()
    destination.security.certificates.add(path="/etc/pki/qemu/server-cert.pem", key_present=True)
    agents[1].snapshot = destination
    found = _check(engine, agents, options=MigrationOptions(tls=True))
    asked = {each.path: each.write for each in found.accesses}
    assert asked["/etc/pki/qemu/server-key.pem"] is False


def _image(seed):
    return b"".join(hashlib.sha512(f"{seed}{n}".encode()).digest() for n in range(4096))


def test_equal_content(agents, engine):
    _comparable(agents, _image("one"), _image("one"))
    (found,) = _check(engine, agents).contents
    assert found.compared_count == found.equal_count == found.telling_count > 50
    assert [kinds for kinds in _kinds(agents[0]) if "hash_blocks" in kinds] == [
        ["hash_blocks"] * 2
    ] * 2
    nonces = {
        tuple(each.hash_blocks.nonces)
        for agent in agents
        for probes in agent.probed
        for each in probes
    } - {()}
    assert [set(each[:2]) == {agent.nonce for agent in agents} for each in nonces] == [True]
    assert [len(each) for each in nonces] == [3]


def test_other_content(agents, engine):
    _comparable(agents, _image("one"), _image("other"))
    (found,) = _check(engine, agents).contents
    assert (found.equal_count, found.followed_count) == (0, 0)
    assert found.compared_count > 50


def test_zeros_prove_nothing(agents, engine):
    _comparable(agents, bytes(1 << 18), bytes(1 << 18))
    (found,) = _check(engine, agents).contents
    assert found.equal_count == found.compared_count > 50
    assert found.telling_count == 0


def test_a_guest_that_writes_meanwhile(agents, engine):
    _comparable(agents, _image("one"), _image("one"))
    source, destination = (agent.answer_probe for agent in agents)

    def write():
        source.after_reading = lambda: None
        source.image[1024:1030] = destination.image[1024:1030] = b"newest"
        source.image[2048:2054] = b"newest"

    source.after_reading = write
    (found,) = _check(engine, agents).contents
    # One block that both saw in its new form, one that the destination does not have.
    assert found.followed_count == 1
    assert found.compared_count == found.equal_count


def test_an_unreadable_image(agents, engine):
    _comparable(agents, _image("one"), _image("one"))
    agents[1].answer_probe.override["hash_blocks"] = ProbeResult(error="Permission denied")
    (found,) = _check(engine, agents).contents
    assert found.error == f"host {agents[1].address}: Permission denied"


def test_the_healthy_case_needs_no_comparison():
    from vmfit_comparator.probes.plan import plan  # noqa: PLC0415 -- what is tested

    assert plan(migration()).comparisons == ()


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, True),
        ({"vm.domain_type": "qemu"}, False),
        ({"vm.connection_uri": "ch:///system"}, False),
        ({"destination.kernel.device_nodes": ["net/tun"]}, False),
        ({"destination.hypervisor.connections[0].uri": "qemu:///session"}, False),
        ({"options.offline": True}, False),
    ],
)
def test_kvm_is_tried_for_guests_that_open_it(changes, asked):
    from vmfit_comparator.probes.plan import PathAccess, plan  # noqa: PLC0415 -- what is tested

    assert (PathAccess("/dev/kvm", write=True) in plan(migration(changes)).accesses) == asked


def test_images_below_are_compared_where_each_host_has_its_own():
    from vmfit_comparator.probes.plan import plan  # noqa: PLC0415 -- what is tested

    path = {"path": "/var/base.img", "exists": True, "kind": "file", "sizeBytes": 4096, "inode": 7}
    below = {"mountPoint": "/", "type": "ext4", "source": "/dev/sda1", "root": "/"}
    image = {"type": "file", "format": "raw", "path": {**path, "filesystem": below}}
    case = migration({"vm.disks[0].backing_chain": [image]})
    assert [each.target for each in plan(case).comparisons] == ["vda[1]"]


@pytest.mark.parametrize(("secret", "asked"), [((), ["vda[1]"]), (("disk vda",), [])])
def test_images_below_that_are_network_disks_are_opened(secret, asked):
    from vmfit_comparator.probes.plan import plan  # noqa: PLC0415 -- what is tested

    image = {"type": "network", "protocol": "nbd", "hosts": [{"name": "192.0.2.9"}]}
    secrets = [{"uuid": "5ec", "user": each} for each in secret]
    case = migration({"vm.disks[0].backing_chain": [image], "vm.secrets": secrets})
    assert list(plan(case).network_disks) == asked


def test_files_that_hold_the_data_of_images_are_compared():
    from vmfit_comparator.probes.plan import plan  # noqa: PLC0415 -- what is tested

    case = migration(
        {
            "vm.disks[0].source.data_file": {
                "path": "/srv/data",
                "exists": True,
                "kind": "file",
                "sizeBytes": "4096",
            },
            "hosts.mounts.mounts": [],
        }
    )
    assert "vda's data" in [each.target for each in plan(case).comparisons]
