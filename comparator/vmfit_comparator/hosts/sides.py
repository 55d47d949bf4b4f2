"""Hosts of a request as the engine works with them: live agents, or snapshots the caller has."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass

import grpc

from vmfit.v1.comparator_service_pb2 import HostReference
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.engine_error import EngineError, invalid
from vmfit_comparator.hosts.address_rules import AnyAddress
from vmfit_comparator.hosts.agent_client import AgentClient
from vmfit_comparator.hosts.agent_error import AgentError
from vmfit_comparator.hosts.agents import Agents
from vmfit_comparator.hosts.host_answer import HostAnswer, WrongHostError
from vmfit_comparator.hosts.inventory import Inventory
from vmfit_comparator.hosts.turns import Turns
from vmfit_comparator.request_checks import check_moment, check_snapshot
from vmfit_contract.address import AGENT_PORT, Address, AddressError, parse_address
from vmfit_contract.content_key import MAX_NONCES
from vmfit_contract.reasons import NO_CAUSE, Cause, Reason
from vmfit_contract.revisions import refusal, upgraded
from vmfit_contract.spelling import meant_or_known

_NONCE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Side:
    """One host: `client` for a live agent, else `content` is the snapshot that was given."""

    name: str
    field: str
    """Where the request names it, such as "source"."""
    client: AgentClient | None = None
    content: Snapshot | None = None
    known_as: tuple[str, ...] = ()
    """Names and addresses by which the inventory, or who asks, knows the host."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of one host now."""

    side: Side
    snapshot: Snapshot
    """Empty when the agent did not answer."""
    answer: HostAnswer | None = None
    error: str = ""
    """Why the agent gave no snapshot."""
    cause: Cause = NO_CAUSE
    """The same for programs."""

    @property
    def is_live(self) -> bool:
        """The agent itself answered, rather than a recording."""
        return self.answer is not None and not self.snapshot.HasField("recorded_at")


def resolve_side(
    reference: HostReference,
    field: str,
    inventory: Inventory,
    agents: Agents,
    any_address: AnyAddress,
) -> Side:
    """Return the host that a reference means. Raises EngineError naming the field.

    An address of the inventory is that host, and so has to be who is expected there.
    """
    kind = reference.WhichOneof("host")
    if kind is None:
        raise invalid(field, "names no host")
    if kind == "snapshot":
        snapshot = reference.snapshot
        if reason := refusal(snapshot):
            raise invalid(f"{field}.snapshot.schema_revision", reason)
        check_moment(snapshot.taken_at, f"{field}.snapshot.taken_at")
        check_snapshot(snapshot, f"{field}.snapshot")
        return Side(snapshot.identity.hostname or "snapshot", field, content=upgraded(snapshot))
    try:
        if kind == "name":
            entry = inventory.hosts.get(reference.name)
            if entry is None:
                cause = Cause(Reason.HOST_UNKNOWN, {"host": reference.name})
                raise invalid(f"{field}.name", _no_host(reference.name, inventory), cause)
            client = agents.client(
                entry.address, entry.expect_hostname, entry.tls_server_name, entry.name
            )
            known_as = (entry.name, *_host_of(entry.address))
            return Side(entry.name, field, client, known_as=known_as)
        address = parse_address(reference.address, AGENT_PORT)
        entry = inventory.by_address.get(address)
        if entry is not None:
            client = agents.client(
                address, entry.expect_hostname, entry.tls_server_name, entry.name
            )
            known_as = (entry.name, *_host_of(address))
            return Side(str(address), field, client, known_as=known_as)
        if reason := any_address.why_not(address):
            raise EngineError(
                grpc.StatusCode.PERMISSION_DENIED,
                f"{field}.address: {address}: {reason}",
                f"{field}.address",
                Cause(Reason.ADDRESS_DENIED, {"address": str(address)}),
            )
        client = agents.client(address)
        return Side(str(address), field, client, known_as=_host_of(address))
    except AddressError as error:
        raise invalid(f"{field}.{kind}", str(error)) from None


def _host_of(address: Address) -> tuple[str, ...]:
    return () if address.is_unix else (address.host,)


def ask(
    side: Side, turns: Turns, fresh_seconds: Mapping[str, float], until: float
) -> "Future[HostAnswer] | None":
    """Start to ask a live host for its snapshot; None for a snapshot that is there already."""
    if side.client is None:
        return None
    return turns.follow(side.name, turns.begin(side.client.snapshot, fresh_seconds, until))


def content_nonces(
    sides: Sequence[Side], asked: Sequence["Future[HostAnswer] | None"], until: float
) -> list[bytes]:
    """Return by what all the hosts are to key hashes of content; empty where they are too many.

    Whose agent has never said so, or long ago, is waited for a moment.
    """
    clients = [each.client for each in sides if each.client is not None]
    if len(clients) > MAX_NONCES:
        return []
    unknown = [
        future
        for side, future in zip(sides, asked, strict=True)
        if side.client is not None and future is not None and side.client.content_nonce is None
    ]
    if unknown:
        wait(unknown, min(_NONCE_SECONDS, max(until - time.monotonic(), 0) / 4))
    return sorted({nonce for each in clients if (nonce := each.content_nonce)})


def gather(side: Side, asked: "Future[HostAnswer] | None", turns: Turns) -> Gathered:
    """Return what came of it; EngineError only when another host answers, or the caller is gone."""
    if asked is None:
        assert side.content is not None
        return Gathered(side, side.content)
    try:
        answer = turns.result(asked)
    except AgentError as error:
        return Gathered(side, Snapshot(), error=str(error), cause=error.cause(side.name))
    except WrongHostError as error:
        code = grpc.StatusCode.FAILED_PRECONDITION
        cause = Cause(Reason.HOST_MISMATCHED, {"host": side.name})
        raise EngineError(code, f"host {side.name}: {error}", side.field, cause) from None
    return Gathered(side, answer.snapshot, answer)


def age_seconds(gathered: Gathered, at_seconds: float) -> float:
    """Return the time from a snapshot's `taken_at` to the moment of evaluation.

    What an agent says is counted from its arrival, so that a wrong clock there does not matter. A
    snapshot without `taken_at` counts as taken at the moment of evaluation.
    """
    if gathered.answer is not None:
        return gathered.answer.age_seconds + max(at_seconds - time.time(), 0)
    taken = gathered.snapshot.taken_at.ToNanoseconds() / 1e9
    return max(at_seconds - taken, 0) if taken else 0.0


def _no_host(name: str, inventory: Inventory) -> str:
    if name.isspace() or not name:
        return "an empty name of a host"
    hint = meant_or_known(name, inventory.hosts) if inventory.hosts else ", which has no hosts"
    return f"no host {name[:100]!r} in the inventory{hint}"


def snapshots_by_name(gathered: Sequence[Gathered]) -> dict[str, Snapshot]:
    """Return the snapshots by their hosts' names."""
    snapshots: dict[str, Snapshot] = {}
    for each in gathered:
        # Two files of hosts that share a name are two hosts here.
        name = each.side.name
        count = sum(1 for other in snapshots if other.partition(" (")[0] == name)
        snapshots[f"{name} ({count + 1})" if count else name] = each.snapshot
    return snapshots


def check_keys(source: Gathered, destination: Gathered) -> None:
    """Raise EngineError where hashes of one key would be compared with others, or with values.

    Equal disks and addresses would then count as different ones.
    """
    known = [each for each in (source, destination) if each.snapshot.ByteSize()]
    if len({each.snapshot.identifier_key for each in known}) > 1:
        plain = [each.side.name for each in known if not each.snapshot.identifier_key]
        what = f"{plain[0]} tells them plainly" if plain else "their site keys differ"
        raise EngineError(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"{source.side.name} and {destination.side.name} cannot be compared by serial numbers "
            f"and MACs: {what}; give both agents hash_identifiers and one site_key_file",
            destination.side.field,
        )
