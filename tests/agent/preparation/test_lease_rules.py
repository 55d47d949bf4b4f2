"""The rules of leases, replayed: over every prefix of what may happen, and every crash."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.preparation.ledgers import BOOT_ID, FIRST, MIB, SECOND, SECOND_NS, memory
from vmfit_agent.ledger.capacity import Capacity
from vmfit_agent.ledger.guest_usage import Usage
from vmfit_agent.ledger.journal import read_journal, write_action, write_journal
from vmfit_agent.ledger.rules import (
    Asker,
    Ledger,
    Look,
    Release,
    Renew,
    Reserve,
    decide,
    standing,
)
from vmfit_contract.call_failed import CallFailed, Status

ALICE, BOB, ROOT = Asker("dns:alice"), Asker("dns:bob"), Asker("dns:root", administers=True)
ROOM = Capacity({(None, None): 1024 * MIB, (0, None): 512 * MIB, (None, 2 * MIB): 64 * MIB})


def reserve(ledger, asker=ALICE, vm_uuid=FIRST, *wanted, now=0, seconds=60, **more):
    wanted = wanted or (memory(512),)
    event = Reserve(asker, vm_uuid, wanted, seconds * SECOND_NS, ROOM, **more)
    return decide(ledger, event, now)[0]


def refusal(ledger, event, now=0):
    with pytest.raises(CallFailed) as refused:
        decide(ledger, event, now)
    return refused.value


def test_a_grant_names_all_of_it_and_the_same_again_changes_nothing():
    ledger = reserve(Ledger())
    lease = ledger.leases[FIRST]
    assert (lease.owner, lease.vm_uuid, lease.generation) == ("dns:alice", FIRST, 1)
    assert lease.ends_since_boot.seconds == 60
    assert reserve(ledger, now=5) == ledger


def test_what_is_promised_is_promised_once():
    ledger = reserve(Ledger())
    with pytest.raises(CallFailed, match="536870912 of them promised to other VMs") as refused:
        reserve(ledger, BOB, SECOND, memory(513))
    assert refused.value.status is Status.RESOURCE_EXHAUSTED
    assert set(reserve(ledger, BOB, SECOND, memory(512)).leases) == {FIRST, SECOND}


def test_a_node_and_a_pool_have_bounds_of_their_own():
    ledger = reserve(Ledger(), ALICE, FIRST, memory(500, node=0), memory(64, page=2 * MIB))
    for wanted, told in (
        (memory(13, node=0), "NUMA node 0"),
        (memory(2, page=2 * MIB), "huge pages of 2097152 bytes wanted on the host"),
        (memory(1, node=7), "NUMA node 7 tells of no memory"),
        (memory(525), "on the host"),
    ):
        with pytest.raises(CallFailed, match=told):
            reserve(ledger, BOB, SECOND, wanted)
    reserve(ledger, BOB, SECOND, memory(524))


def test_leases_are_their_owners():
    ledger = reserve(Ledger())
    for event in (
        Reserve(BOB, FIRST, (memory(1),), SECOND_NS, ROOM),
        Renew(BOB, FIRST, 1, SECOND_NS),
        Release(BOB, FIRST, 1),
    ):
        assert refusal(ledger, event).status is Status.ALREADY_EXISTS
    assert not decide(ledger, Release(ROOT, FIRST, 1), 0)[0].leases


def test_a_stale_generation_is_refused():
    ledger = reserve(Ledger())
    larger = reserve(ledger, ALICE, FIRST, memory(600), generation=1)
    assert larger.leases[FIRST].generation == 2
    for event in (
        Reserve(ALICE, FIRST, (memory(1),), SECOND_NS, ROOM, generation=1),
        Renew(ALICE, FIRST, 1, SECOND_NS),
        Release(ALICE, FIRST, 1),
    ):
        failure = refusal(larger, event)
        assert (failure.status, failure.field) == (Status.ABORTED, "generation")
        assert "is of generation 2" in failure.message
    # Not even when the VM has a new lease after the end of the former one.
    ended = decide(larger, Release(ALICE, FIRST, 2), 0)[0]
    assert decide(ended, Release(ALICE, FIRST, 2), 0) == (ended, ())
    again = reserve(ended)
    assert refusal(again, Release(ALICE, FIRST, 2)).status is Status.ABORTED


def test_a_lease_ends_by_its_time_unless_its_guest_has_come():
    ledger = reserve(Ledger())
    over = 60 * SECOND_NS
    assert standing(ledger, {}, over - 1)
    assert not standing(ledger, {}, over)
    assert refusal(ledger, Renew(ALICE, FIRST, 1, SECOND_NS), over).status is Status.NOT_FOUND
    assert not decide(ledger, Look({}), over)[0].leases
    used = {FIRST: Usage(7, 200 * MIB, 0)}
    come = decide(ledger, Look(used), over)[0]
    (lease,) = standing(come, used, over * 9)
    assert lease.arrived
    assert lease.reservations[0].used_bytes == 200 * MIB
    # What it has not yet taken is still its own.
    with pytest.raises(CallFailed):
        reserve(come, BOB, SECOND, memory(713), now=over * 9, usage=used)
    reserve(come, BOB, SECOND, memory(712), now=over * 9, usage=used)
    assert not decide(come, Look({}), over * 9)[0].leases


def test_one_too_many():
    ledger = Ledger()
    for number in range(256):
        ledger = reserve(ledger, ALICE, f"{number:036}", memory(1))
    with pytest.raises(CallFailed, match="256 leases already"):
        reserve(ledger)


VMS = [FIRST, SECOND]
ASKERS = [ALICE, BOB]
EVENTS = st.one_of(
    st.tuples(
        st.just("reserve"), st.sampled_from(ASKERS), st.sampled_from(VMS), st.integers(1, 1100)
    ),
    st.tuples(st.just("renew"), st.sampled_from(ASKERS), st.sampled_from(VMS), st.integers(0, 9)),
    st.tuples(st.just("release"), st.sampled_from(ASKERS), st.sampled_from(VMS), st.integers(0, 9)),
    st.tuples(st.just("look"), st.dictionaries(st.sampled_from(VMS), st.integers(0, 900))),
)


def event_of(told, usage):
    match told:
        case ("reserve", asker, vm_uuid, size):
            return Reserve(asker, vm_uuid, (memory(size),), 20 * SECOND_NS, ROOM, usage)
        case ("renew", asker, vm_uuid, generation):
            return Renew(asker, vm_uuid, generation, 30 * SECOND_NS)
        case ("release", asker, vm_uuid, generation):
            return Release(asker, vm_uuid, generation)
        case ("look", used):
            return Look({vm: Usage(1, size * MIB, 0) for vm, size in used.items()})
    raise AssertionError(told)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(EVENTS, st.integers(0, 25)), max_size=25))
def test_every_prefix_and_every_crash(steps):
    ledger, now, usage = Ledger(), 0, {}
    text = write_journal(BOOT_ID, ledger)
    for told, passed in steps:
        now += passed * SECOND_NS
        event = event_of(told, usage)
        if isinstance(event, Look):
            usage = event.usage
        former = ledger
        try:
            ledger, actions = decide(ledger, event, now)
        except CallFailed:
            continue
        assert ledger.generation >= former.generation
        lines = "".join(map(write_action, actions))
        # Cut anywhere, what is read back is the ledger after some of the actions, in order.
        for cut in {0, 1, len(lines) // 2, max(len(lines) - 1, 0)} if lines else ():
            read = read_journal(text + lines[:cut])
            whole = lines[:cut].count("\n")
            assert read.is_torn == (cut > 0 and lines[cut - 1] != "\n")
            assert whole or read.ledger == former
        text += lines
        assert read_journal(text).ledger == ledger
        assert read_journal(write_journal(BOOT_ID, ledger)).ledger == ledger
        if isinstance(event, Reserve):
            held = standing(ledger, usage, now)
            left = sum(r.size_bytes - r.used_bytes for each in held for r in each.reservations)
            assert left <= 1024 * MIB or not actions
