"""By what hashes of content are keyed: never by what a caller chose, always by the agent's own."""

import hashlib
import itertools

import pytest

from tests.agent.places.asked import LARGE_SECRET, hashing, kernel, question, write
from tests.agent.probes.permissive import terms
from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    GetSnapshotRequest,
    GetSnapshotResponse,
)
from vmfit_agent.calls import CallFailed, Status
from vmfit_agent.describe import describe_vm
from vmfit_agent.host import Host
from vmfit_agent.local_host import local_source
from vmfit_agent.probes.hash_blocks import hash_blocks
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.service import HostMetadata
from vmfit_agent.storage import host_path
from vmfit_agent.storage.content_hash import keyed_hash
from vmfit_agent.storage.content_nonces import CONTENT_NONCES, ContentNonces, ForeignNoncesError
from vmfit_contract.access import LOCAL, Caller, Role
from vmfit_contract.content_key import content_key

READER = Caller("dns:reader.example", frozenset((Role.READ,)))
CHOSEN = b"chosen by the caller"


@pytest.fixture
def calls():
    return HostMetadata(local_source(Host()))


def asked(calls, caller=LOCAL):
    request = GetSnapshotRequest(parts=["clock"]).SerializeToString()
    return GetSnapshotResponse.FromString(calls.answer("GetSnapshot", request, 5.0, caller))


def described(calls, path, nonces):
    request = DescribeVmRequest(xml=kernel(path), content_nonces=nonces).SerializeToString()
    answer = calls.answer("DescribeVm", request, 5.0, LOCAL)
    return DescribeVmResponse.FromString(answer).vm.kernel


def test_nonces_of_two_agents_make_one_key():
    one, other = ContentNonces(), ContentNonces()
    nonces = [one.current(), other.current()]
    assert one.key(nonces) == other.key(reversed(nonces)) == content_key(nonces * 2)
    assert one.key(nonces[:1]) != one.key(nonces)
    assert len({ContentNonces().current() for _ in range(100)}) == 100


@pytest.mark.parametrize("nonces", [[], [CHOSEN], [b""], [CHOSEN, bytes(32)]])
def test_a_caller_cannot_choose_the_key(nonces):
    own = ContentNonces()
    own.current()
    for foreign in (nonces, [*nonces, ContentNonces().current()]):
        with pytest.raises(ForeignNoncesError):
            own.key(foreign)


def test_nonces_end():
    now = [0.0]
    nonces = ContentNonces(lambda: now[0])
    first = nonces.current()
    for now[0] in (10.0, 3599.0):
        assert nonces.current() == first
    now[0] = 3600.0
    second = nonces.current()
    assert second != first
    assert nonces.key([first]) != nonces.key([second])
    now[0] = 10_799.0
    nonces.key([first])
    now[0] = 10_800.0
    with pytest.raises(ForeignNoncesError):
        nonces.key([first])
    for now[0] in itertools.accumulate([3600.0] * 4, initial=20_000.0):
        last = nonces.current()
    assert nonces.key([last])
    assert len(nonces._issued) == 3


def test_no_two_lists_of_nonces_are_one_key():
    lists = ([b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"\x01a"], [b"a"], [])
    assert len({content_key(each) for each in lists}) == len(lists)


def test_only_callers_with_the_role_get_a_nonce(calls):
    assert asked(calls, READER).content_nonce == b""
    nonce = asked(calls).content_nonce
    assert len(nonce) == 32
    assert asked(calls).content_nonce == nonce
    CONTENT_NONCES.key([nonce])


def test_descriptions_hash_with_the_agents_own_nonce_only(calls, tmp_path):
    path = write(tmp_path / "kernel")
    own = asked(calls).content_nonce
    found = described(calls, path, [own, CHOSEN])
    plain = hashlib.sha256(LARGE_SECRET).hexdigest()
    assert found.keyed_hash == keyed_hash(plain, content_key([CHOSEN, own]))
    assert plain not in str(found)
    assert described(calls, path, [own]).keyed_hash != found.keyed_hash
    none = described(calls, path, [])
    assert not none.HasField("keyed_hash")
    assert not none.HasField("sha256")


@pytest.mark.parametrize(
    ("nonces", "status"),
    [
        ([CHOSEN], Status.FAILED_PRECONDITION),
        ([CHOSEN, bytes(32)], Status.FAILED_PRECONDITION),
        ([b"short"], Status.INVALID_ARGUMENT),
        ([bytes(65)], Status.INVALID_ARGUMENT),
        ([bytes(16)] * 1025, Status.INVALID_ARGUMENT),
    ],
)
def test_other_nonces_are_refused(calls, tmp_path, nonces, status):
    with pytest.raises(CallFailed, match="content_nonces: ") as caught:
        described(calls, write(tmp_path / "kernel"), nonces)
    assert caught.value.status is status


def test_blocks_are_hashed_with_the_agents_own_nonce_only(tmp_path):
    path = write(tmp_path / "disk")
    found = question(path)
    found.nonces.append(CHOSEN)
    key = content_key([CONTENT_NONCES.current(), CHOSEN])
    expected = hashlib.blake2b(LARGE_SECRET[:512], digest_size=16, key=key).digest()
    assert hash_blocks(found, terms()).hashes == [expected]
    found.nonces[:] = [CHOSEN, ContentNonces().current()]
    with pytest.raises(Unanswerable, match="none of the nonces is this agent's"):
        hash_blocks(found, terms())


@pytest.mark.parametrize(
    ("mode", "is_firmware", "is_public"),
    [(0o644, True, True), (0o600, True, False), (0o644, False, False)],
)
def test_what_everybody_may_read_has_a_plain_hash(
    tmp_path, monkeypatch, mode, is_firmware, is_public
):
    monkeypatch.setattr(host_path, "is_firmware", lambda _: is_firmware)
    path = write(tmp_path / "code.fd", mode=mode)
    request = DescribeVmRequest(xml=kernel(path))
    assert describe_vm(request, Host(), LOCAL).vm.kernel.HasField("sha256") is is_public
    keyed = hashing().describe(str(path), hash_content=True)
    assert keyed.HasField("sha256") is is_public
    assert keyed.HasField("keyed_hash") is not is_public
