"""Hosts of other revisions of the schema: the same answers as those of this one."""

from datetime import UTC, datetime

import pytest

from tests.comparator.builders import destination_snapshot, migration, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit.v1.comparator_service_pb2 import CheckRequest
from vmfit_comparator.engine import Engine
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_contract.part_digest import digest
from vmfit_contract.revisions import as_of_revision_1
from vmfit_contract.snapshot_file import read_snapshot, write_snapshot

_AT = datetime.fromtimestamp(1_700_000_000, UTC)
_ABOUT_NAMES = ("host.same_machine", "net.host_name", "hv.type")


def aged(snapshot):
    as_of_revision_1(snapshot, list(snapshot.identity.libvirt_identities))
    for each in snapshot.parts:
        each.digest = digest(getattr(snapshot, each.name))
    return snapshot


def test_files_of_revision_1_answer_as_those_of_this_one(tmp_path):
    case = migration()
    for side, snapshot in (("source", case.source), ("destination", case.destination)):
        path = tmp_path / side
        old = type(snapshot)()
        old.CopyFrom(snapshot)
        write_snapshot(aged(old), path)
        assert path.read_text().count("hostUuid") >= 1
        read = read_snapshot(path)
        assert read.identity == snapshot.identity
        assert read.hypervisor == snapshot.hypervisor
        snapshot.CopyFrom(read)
    assert evaluate(BUILT_IN.values(), case, _AT) == evaluate(BUILT_IN.values(), migration(), _AT)


def about_names(engine, source, destination):
    request = CheckRequest()
    request.source.address, request.destination.address = source.address, destination.address
    request.vm.name_or_uuid = vm().name
    found = {each.fact: each for each in engine.check(request).findings}
    return {fact: (found[fact].answer, found[fact].reason) for fact in _ABOUT_NAMES}


@pytest.mark.parametrize("old", ["source", "destination", "both"])
def test_agents_of_revision_1_answer_as_those_of_this_one(tmp_path, old):
    new = source_snapshot(), destination_snapshot()
    hosts = source_snapshot(), destination_snapshot()
    for snapshot, side in zip(hosts, ("source", "destination"), strict=True):
        if old in (side, "both"):
            aged(snapshot)
    with (
        FakeAgent(tmp_path / "a", hosts[0], [vm()]) as source,
        FakeAgent(tmp_path / "b", hosts[1]) as destination,
        FakeAgent(tmp_path / "c", new[0], [vm()]) as new_source,
        FakeAgent(tmp_path / "d", new[1]) as new_destination,
        Engine(facts=BUILT_IN) as engine,
    ):
        expected = about_names(engine, new_source, new_destination)
        assert about_names(engine, source, destination) == expected
        # The second time all parts are unchanged; then only the identity is sent.
        assert about_names(engine, source, destination) == expected
        for each in (source, destination):
            each.snapshot.identity.bios_version = "2"
            each.snapshot.parts[0].digest = digest(each.snapshot.identity)
        assert about_names(engine, source, destination) == expected
        assert {each.schema_revision for each in source.requests} == {2}


@pytest.mark.parametrize(("oldest_reader", "is_understood"), [(2, True), (99, False)])
def test_a_newer_agent_is_understood_unless_meanings_changed(
    tmp_path, oldest_reader, is_understood
):
    newer = destination_snapshot()
    newer.schema_revision, newer.oldest_reader_revision = 99, oldest_reader
    # A part that nobody knows yet: field 900.
    newer.MergeFromString(b"\xa2\x38\x03new")
    request = CheckRequest()
    with (
        FakeAgent(tmp_path / "a", source_snapshot(), [vm()]) as source,
        FakeAgent(tmp_path / "b", newer) as destination,
        Engine(facts=BUILT_IN) as engine,
    ):
        request.source.address, request.destination.address = source.address, destination.address
        request.vm.name_or_uuid = vm().name
        errors = [each.error for each in engine.check(request).subject.errors]
    assert any("schema revision 99" in each for each in errors) is not is_understood
