"""Hosts that tell keyed hashes, or that are masked, get the answers that plain ones get."""

from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.rows import WITH_ROWS
from tests.comparator.tables import case_of
from vmfit.v1.comparator_service_pb2 import CheckRequest, HostReference, RankRequest, VmReference
from vmfit_agent.host import Host
from vmfit_agent.host_metadata import host_metadata
from vmfit_agent.local_host import local_source
from vmfit_agent.recording.recorded_libvirt import RecordedLibvirt
from vmfit_agent.server import AgentServer
from vmfit_comparator import Engine, EngineError
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_contract.address import Address
from vmfit_contract.identity import AGENT_ROLES, RoleRules
from vmfit_contract.masking.identifier_hashes import IdentifierHashes
from vmfit_contract.masking.masking import Masking
from vmfit_contract.masking.snapshots import learn, mask_message

RECORDED = Path(__file__).parents[1] / "hosts"
KEY, OTHER = b"k" * 32, b"o" * 32


HASHES = IdentifierHashes(KEY)


def hash_case(case):
    for message in (case.source, case.destination, case.vm, case.incoming):
        HASHES.hide(message)


def mask_case(case):
    """Mask both hosts by one key, and what is asked of them."""
    masking = Masking(KEY)
    messages = (case.source, case.destination, case.vm, case.incoming, case.options, case.probes)
    for message in messages:
        learn(masking, message)
    for message in messages:
        mask_message(masking, message)


def answered(name, row, change):
    case = case_of(row)
    change(case)
    [found] = evaluate([BUILT_IN[name]], case)
    return found.answer, found.quality, found.not_applicable


# Masking shares its pseudonyms with hashing, so that fewer of the rows do.
@pytest.mark.parametrize(("change", "rows"), [(hash_case, WITH_ROWS), (mask_case, WITH_ROWS[::5])])
def test_every_fact_answers_alike(change, rows):
    different = [
        f"{name}: {row[0]}"
        for name, row in rows
        if answered(name, row, change) != answered(name, row, lambda _: None)
    ]
    assert different == []
    assert len(rows) > 300


def hosts(source_key, destination_key):
    snapshots = source_snapshot(), destination_snapshot()
    for snapshot, key in zip(snapshots, (source_key, destination_key), strict=True):
        if key is not None:
            IdentifierHashes(key).hide_snapshot(snapshot)
    return [HostReference(snapshot=each) for each in snapshots]


@pytest.mark.parametrize("keys", [(KEY, None), (None, KEY), (KEY, OTHER)])
def test_hashes_of_one_key_are_not_compared_with_others(keys):
    source, destination = hosts(*keys)
    guest = VmReference(description=vm())
    request = CheckRequest(source=source, destination=destination, vm=guest)
    with Engine() as engine:
        with pytest.raises(EngineError, match="hash_identifiers and one site_key_file"):
            engine.check(request, 5.0)
        both = [destination, hosts(*keys[:1], *keys[:1])[1]]
        ranked = engine.rank(RankRequest(source=source, destinations=both, vm=guest), 5.0)
    assert sorted(bool(each.findings) for each in ranked.checks) == [False, True]


def test_hosts_of_one_key_are_compared():
    source, destination = hosts(KEY, KEY)
    request = CheckRequest(source=source, destination=destination, vm=VmReference(description=vm()))
    with Engine() as engine:
        assert len(engine.check(request, 5.0).findings) == len(BUILT_IN)


@contextmanager
def agents(directory, hashes):
    """Serve two recorded hosts; yield their addresses."""
    with ExitStack() as stack:
        addresses = []
        for name in ("epyc-four-nodes", "skylake-memory-only-node"):
            host = Host(RECORDED / name, RecordedLibvirt(RECORDED / name))
            calls = host_metadata(local_source(host), hashes, probes=False)
            server = AgentServer(calls, RoleRules(AGENT_ROLES, {}))
            stack.callback(server.stop)
            place = Address(path=str(directory / f"{name}.sock"))
            addresses.append(str(server.start(place, None, insecure=True)))
        yield addresses


def checked(directory, hashes, name):
    directory.mkdir()
    with agents(directory, hashes) as (source, destination), Engine() as engine:
        request = CheckRequest(
            source=HostReference(address=source),
            destination=HostReference(address=destination),
            vm=VmReference(name_or_uuid=name),
        )
        found = engine.check(request, 20.0)
    text = found.SerializeToString()
    return [(each.fact, each.answer, each.quality) for each in found.findings], text


@pytest.mark.parametrize("name", ["archive", "backup", "web"])
def test_agents_that_tell_hashes_are_compared(tmp_path, name):
    plain, text = checked(tmp_path / "plain", None, name)
    hashed, other = checked(tmp_path / "hashed", IdentifierHashes(KEY), name)
    assert hashed == plain
    assert other != text
    assert len({answer for _, answer, _ in plain}) > 2
