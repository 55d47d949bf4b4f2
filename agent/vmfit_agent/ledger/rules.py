"""The rules of leases: one function from ledger, event and time to ledger and actions.

It asks nothing and changes nothing, so that a test can replay whatever may happen. Times are
nanoseconds since the host's boot, which nobody sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from vmfit.v1.preparation_pb2 import HOLD_LEDGER, Lease, Reservation
from vmfit_agent.ledger.capacity import Capacity, Shortage, shortage
from vmfit_agent.ledger.guest_usage import Usage, with_usage
from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.reasons import Cause, Reason

MAX_LEASES = 256
"""As many as one host may have to keep in mind."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is promised."""

    leases: Mapping[str, Lease] = field(default_factory=lambda: MappingProxyType({}))
    """By the VM's UUID. Nobody changes a lease that is in here."""
    generation: int = 0
    """Of the latest change."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants something changed."""

    name: str
    administers: bool = False
    """May change the leases of others."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Somebody wants memory promised."""

    asker: Asker
    vm_uuid: str
    reservations: tuple[Reservation, ...]
    nanoseconds: int
    capacity: Capacity
    usage: Mapping[str, Usage] = field(default_factory=lambda: MappingProxyType({}))
    """Looked at before `capacity`: what guests take in between counts twice."""
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Renew:
    """Somebody wants a lease to end at another time."""

    asker: Asker
    vm_uuid: str
    generation: int
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Release:
    """Somebody needs a lease no longer."""

    asker: Asker
    vm_uuid: str
    generation: int


@dataclass(frozen=True, slots=True)
class Look:
    """Time has passed, and this is what guests with a lease use."""

    usage: Mapping[str, Usage]
    """By VM UUID; a VM whose QEMU does not run is missing."""


Event = Reserve | Renew | Release | Look


@dataclass(frozen=True, slots=True)
class Put:
    """Write down a lease, in place of the VM's former one."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class End:
    """Write down that a VM has no lease any more."""

    vm_uuid: str
    generation: int


Action = Put | End


def decide(ledger: Ledger, event: Event, now: int) -> tuple[Ledger, tuple[Action, ...]]:
    """Return the ledger after an event, and what has to be written down before it holds.

    No actions: nothing changes. Raises CallFailed for what is refused.
    """
    match event:
        case Reserve():
            actions = _reserve(ledger, event, now)
        case Renew():
            actions = _renew(ledger, event, now)
        case Release():
            actions = _release(ledger, event)
        case Look():
            actions = _look(ledger, event, now)
    for action in actions:
        ledger = carry_out(ledger, action)
    return ledger, actions


def carry_out(ledger: Ledger, action: Action) -> Ledger:
    """Return the ledger after an action, in the same way whenever it is read back."""
    leases = dict(ledger.leases)
    if isinstance(action, Put):
        leases[action.lease.vm_uuid] = action.lease
        generation = action.lease.generation
    else:
        leases.pop(action.vm_uuid, None)
        generation = action.generation
    return Ledger(MappingProxyType(leases), max(ledger.generation, generation))


def standing(ledger: Ledger, usage: Mapping[str, Usage], now: int) -> list[Lease]:
    """Return the leases that hold now, by VM, with what their guests have taken already."""
    held = []
    for vm_uuid, lease in sorted(ledger.leases.items()):
        if vm_uuid in usage or not _is_over(lease, now):
            held.append(with_usage(lease, usage.get(vm_uuid)))
    return held


def _reserve(ledger: Ledger, event: Reserve, now: int) -> tuple[Action, ...]:
    former = ledger.leases.get(event.vm_uuid)
    if former is not None and _is_over(former, now) and not former.arrived:
        former = None
    if former is not None:
        _require_owner(former, event.asker)
    if former is not None and _asks_the_same(former, event):
        return ()
    if event.generation is not None:
        _require_generation(former, event.generation, event.vm_uuid)
    held = standing(ledger, event.usage, now)
    others = [lease for lease in held if lease.vm_uuid != event.vm_uuid]
    if len(others) >= MAX_LEASES:
        told = f"the host has {MAX_LEASES} leases already, the most that it keeps"
        raise CallFailed(Status.RESOURCE_EXHAUSTED, told)
    lease = Lease(
        vm_uuid=event.vm_uuid,
        owner=event.asker.name if former is None else former.owner,
        generation=ledger.generation + 1,
        reservations=event.reservations,
        hold=HOLD_LEDGER,
        arrived=event.vm_uuid in event.usage,
    )
    lease.ends_since_boot.FromNanoseconds(now + event.nanoseconds)
    wanted = with_usage(lease, event.usage.get(event.vm_uuid)).reservations
    short = shortage(event.capacity, wanted, [r for each in others for r in each.reservations])
    if short is not None:
        cause = Cause(Reason.MEMORY_PROMISED)
        raise CallFailed(Status.RESOURCE_EXHAUSTED, _told(short), "reservations", cause)
    return (Put(lease),)


def _renew(ledger: Ledger, event: Renew, now: int) -> tuple[Action, ...]:
    lease = ledger.leases.get(event.vm_uuid)
    if lease is None or (_is_over(lease, now) and not lease.arrived):
        told = f"VM {event.vm_uuid} has no lease on this host"
        raise CallFailed(Status.NOT_FOUND, told, "vm_uuid", Cause(Reason.LEASE_ENDED))
    _require_owner(lease, event.asker)
    _require_generation(lease, event.generation, event.vm_uuid)
    renewed = Lease()
    renewed.CopyFrom(lease)
    renewed.ends_since_boot.FromNanoseconds(now + event.nanoseconds)
    return (Put(renewed),)


def _release(ledger: Ledger, event: Release) -> tuple[Action, ...]:
    lease = ledger.leases.get(event.vm_uuid)
    if lease is None:
        return ()
    _require_owner(lease, event.asker)
    _require_generation(lease, event.generation, event.vm_uuid)
    return (End(event.vm_uuid, ledger.generation + 1),)


def _look(ledger: Ledger, event: Look, now: int) -> tuple[Action, ...]:
    """End what is over; what a running QEMU has begun to use is not."""
    actions: list[Action] = []
    generation = ledger.generation
    for vm_uuid, lease in ledger.leases.items():
        runs = vm_uuid in event.usage
        # Who came and has gone again needs nothing more.
        if not runs and (lease.arrived or _is_over(lease, now)):
            generation += 1
            actions.append(End(vm_uuid, generation))
        elif runs and not lease.arrived:
            arrived = Lease()
            arrived.CopyFrom(lease)
            arrived.arrived = True
            actions.append(Put(arrived))
    return tuple(actions)


def _is_over(lease: Lease, now: int) -> bool:
    return lease.ends_since_boot.ToNanoseconds() <= now


def _asks_the_same(lease: Lease, event: Reserve) -> bool:
    return list(lease.reservations) == list(event.reservations)


def _require_owner(lease: Lease, asker: Asker) -> None:
    if lease.owner != asker.name and not asker.administers:
        told = f"VM {lease.vm_uuid} has a lease of {lease.owner}, which {asker.name} may not change"
        raise CallFailed(Status.ALREADY_EXISTS, told, "vm_uuid", Cause(Reason.LEASE_OF_ANOTHER))


def _require_generation(lease: Lease | None, generation: int, vm_uuid: str) -> None:
    if lease is not None and lease.generation == generation:
        return
    has = "has none" if lease is None else f"is of generation {lease.generation}"
    told = f"generation: {generation} is stale: the lease of VM {vm_uuid} {has}"
    raise CallFailed(Status.ABORTED, told, "generation", Cause(Reason.GENERATION_STALE))


def _told(short: Shortage) -> str:
    node, size = short.place
    where = "the host" if node is None else f"NUMA node {node}"
    kind = "memory" if size is None else f"memory in huge pages of {size} bytes"
    if short.free_bytes is None:
        return f"reservations: {where} tells of no {kind}"
    return (
        f"reservations: {short.wanted_bytes} bytes of {kind} wanted on {where}, "
        f"{short.free_bytes} free, {short.promised_bytes} of them promised to other VMs"
    )
