"""Requests that mean nothing, or too much, are refused by the name of their field."""

import time

import grpc
import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit_comparator import Engine, EngineError

_MAX_XML = 1024 * 1024


def _request(kind=messages.CheckRequest):
    request = kind(vm={"description": vm()})
    request.source.snapshot.CopyFrom(source_snapshot())
    destination = (
        request.destination if kind is messages.CheckRequest else request.destinations.add()
    )
    destination.snapshot.CopyFrom(destination_snapshot())
    return request


@pytest.fixture(scope="module")
def engine():
    with Engine() as engine:
        yield engine


def _refused(ask, request):
    with pytest.raises(EngineError) as caught:
        ask(request)
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert str(caught.value).startswith(f"{caught.value.field}: ")
    return str(caught.value)


_FAR = 2**62


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda r: setattr(r.at, "seconds", _FAR), "at: no time: 4611686018427387904 seconds"),
        (lambda r: setattr(r.at, "nanos", -1), "at: no time: 0 seconds and -1 nanoseconds"),
        (lambda r: setattr(r.at, "seconds", 253_402_300_799), "at: no time at which anything"),
        (
            lambda r: setattr(r.source.snapshot.taken_at, "seconds", _FAR),
            "source.snapshot.taken_at: no time",
        ),
        (
            lambda r: setattr(r.source.snapshot.taken_at, "seconds", 253_402_300_799),
            "source.snapshot.taken_at: no time at which anything can be evaluated",
        ),
        (
            lambda r: setattr(r.destination.snapshot.taken_at, "nanos", 10**9),
            "destination.snapshot.taken_at: no time",
        ),
        (
            lambda r: setattr(r.source.snapshot.parts.add().collected_at, "seconds", -_FAR),
            "source.snapshot.parts[17].collected_at: no time",
        ),
        (
            lambda r: setattr(
                r.source.snapshot.security.certificates.add().not_after, "seconds", _FAR
            ),
            "source.snapshot.security.certificates[0].not_after: no time",
        ),
        (
            lambda r: setattr(r.source.snapshot.clock, "offset_seconds", float("nan")),
            "source.snapshot.clock.offset_seconds: nan is not a number",
        ),
        (
            lambda r: setattr(r.policy.inline.margins, "memory_ratio", float("inf")),
            "policy.inline.margins.memory_ratio: inf",
        ),
        (lambda r: setattr(r.source, "name", "x" * 257), "source.name: longer than 256"),
        (lambda r: setattr(r.source, "address", "x" * 257), "source.address: longer than 256"),
        (lambda r: setattr(r.vm, "name_or_uuid", "x" * 257), "vm.name_or_uuid: longer than 256"),
        (lambda r: setattr(r.vm, "xml", "x" * (_MAX_XML + 1)), "vm.xml: larger than 1048576"),
        (
            lambda r: setattr(r.options, "destination_xml", "\u00e9" * (_MAX_XML // 2 + 1)),
            "options.destination_xml: larger than 1048576 bytes",
        ),
        (
            lambda r: setattr(r.options, "migration_uri", "x" * 4097),
            "options.migration_uri: longer than 4096",
        ),
        (
            lambda r: r.options.copied_disks.append("x" * 4097),
            "options.copied_disks[0]: longer than 4096",
        ),
        (
            lambda r: r.options.compression_settings.update({"x" * 300: 1}),
            "options.compression_settings: longer than 256",
        ),
        (lambda r: r.facts.extend(["cpu.features"] * 30_000), "facts: more than 1000"),
        (
            lambda r: [r.vm.description.disks.add() for _ in range(100_000)],
            "vm.description.disks: more than 4096",
        ),
        (
            lambda r: [
                r.vm.description.disks.add().backing_chain.add(format="qcow2") for _ in range(4097)
            ],
            "vm.description.disks: more than 4096",
        ),
        (lambda r: setattr(r.policy, "name", "x" * 257), "policy.name: longer than 256"),
        (
            lambda r: setattr(r.policy.inline, "description", "x" * 200_000),
            "policy.inline: larger than 131072 bytes",
        ),
    ],
)
def test_checks_that_are_refused(engine, change, complaint):
    request = _request()
    change(request)
    began = time.process_time()
    assert _refused(engine.check, request).startswith(complaint)
    assert time.process_time() - began < 1


def test_a_vm_of_a_snapshot_has_bounds_too(engine):
    request = _request()
    big = request.source.snapshot.domains.vms.add(name="big")
    for _ in range(5000):
        big.disks.add(target="vda")
    request.vm.name_or_uuid = "big"
    assert _refused(engine.check, request).startswith("vm.name_or_uuid.disks: more than 4096")


def test_rankings_that_are_refused(engine):
    request = _request(messages.RankRequest)
    request.destinations[0].snapshot.taken_at.seconds = _FAR
    complaint = "destinations[0].snapshot.taken_at: no time"
    assert _refused(engine.rank, request).startswith(complaint)


@pytest.mark.parametrize(
    ("ask", "request_message", "complaint"),
    [
        (
            "diff",
            messages.DiffRequest(left={"snapshot": {"taken_at": {"seconds": _FAR}}}),
            "left.snapshot.taken_at: no time",
        ),
        ("baseline", messages.BaselineRequest(architecture="x" * 300), "architecture: longer"),
        (
            "baseline",
            messages.BaselineRequest(hosts=[{"snapshot": {"recorded_at": {"nanos": -5}}}]),
            "hosts[0].snapshot.recorded_at: no time",
        ),
        (
            "host_snapshot",
            messages.GetHostSnapshotRequest(host={"name": "x"}, at={"seconds": _FAR}),
            "at: no time",
        ),
        ("host_snapshot", messages.GetHostSnapshotRequest(parts=["x" * 5000]), "parts[0]: longer"),
    ],
)
def test_other_requests_that_are_refused(engine, ask, request_message, complaint):
    assert _refused(getattr(engine, ask), request_message).startswith(complaint)


def test_the_widest_times_are_answered(engine):
    request = _request()
    request.at.seconds = 250_000_000_000
    request.source.snapshot.taken_at.seconds = -62_135_596_800
    response = engine.check(request)
    assert response.verdict.valid_until.ToJsonString()
    assert not [each for each in response.findings if each.error]


def test_numbers_that_no_host_has_cost_no_fact_its_answer(engine):
    most = 2**64 - 1
    request = _request()
    wanted = request.vm.description
    wanted.memory.huge_pages.add(size_bytes=2097152)
    wanted.memory.current_bytes = wanted.memory.maximum_bytes = most
    for pages in request.destination.snapshot.memory.huge_pages:
        pages.total_count, pages.free_count, pages.reserved_count = most, 0, most
    for node in request.destination.snapshot.numa.nodes:
        for pages in node.huge_pages:
            pages.total_count, pages.free_count = most, 0
    response = engine.check(request)
    assert {each.fact: each.error for each in response.findings if each.error} == {}
