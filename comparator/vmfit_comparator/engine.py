"""The engine behind the service, the command and the library: requests in, answers out."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from vmfit.v1 import calibration_pb2 as outcomes
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.policy_pb2 import Policy
from vmfit_comparator import comparison, reservations
from vmfit_comparator.check_log import log_check
from vmfit_comparator.engine_error import EngineError, invalid
from vmfit_comparator.engine_health import EngineHealth
from vmfit_comparator.evaluation.catalogue import describe_facts
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.part_volatility import PART_VOLATILITY, fresh_seconds_by_part
from vmfit_comparator.hosts.address_rules import AnyAddress
from vmfit_comparator.hosts.agents import MAX_ANSWER_BYTES, Agents
from vmfit_comparator.hosts.fair_threads import FairThreads
from vmfit_comparator.hosts.host_answer import HostAnswer
from vmfit_comparator.hosts.host_watch import HostWatch
from vmfit_comparator.hosts.inventory import HostEntry, Inventory, names_matching
from vmfit_comparator.hosts.inventory_rows import inventory_row
from vmfit_comparator.hosts.light_errors import twin
from vmfit_comparator.hosts.sides import (
    Gathered,
    Side,
    ask,
    gather,
    resolve_side,
    snapshots_by_name,
)
from vmfit_comparator.hosts.snapshot_parts import keep_only
from vmfit_comparator.hosts.turns import Turns
from vmfit_comparator.hosts.watcher import Watcher
from vmfit_comparator.installed_facts import installed_facts
from vmfit_comparator.observer import Observer
from vmfit_comparator.policies.policy import select_facts
from vmfit_comparator.policies.policy_error import PolicyError
from vmfit_comparator.policies.policy_file import PolicyFile
from vmfit_comparator.policies.policy_library import PolicyLibrary
from vmfit_comparator.probes import Prober, why_not_probed
from vmfit_comparator.ranked_checks import ranked
from vmfit_comparator.request_checks import check_moment, check_request
from vmfit_comparator.stand_ins import with_stand_ins
from vmfit_contract.access import LOCAL, Caller
from vmfit_contract.address import AGENT_PORT, Address, AddressError, parse_address
from vmfit_contract.connector import Connector, FixedTls, Tls
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.spelling import meant_or_known

# A store brings SQLAlchemy along: who has none need not pay for it.
if TYPE_CHECKING:
    from vmfit_comparator.outcomes.history import History
    from vmfit_comparator.past.past import Past
    from vmfit_comparator.past.track import Track

_MAX_HOSTS = 10_000
_MAX_SHOWN = 200
# Of more at once the source's agent would have to refuse the questions.
_MAX_PROBED = 16
_PROBE_SECONDS = 3.0
_FORMER_SECONDS = 60.0
# Of the caller's time: what remains is for the answer, which names the agent that was too slow.
_AGENTS_SHARE = 0.8


class Engine:
    """Answers requests about hosts and VMs. Safe to use from several threads.

    `policies` are known by name beside the built-in ones. `tls` is the certificate shown to agents:
    a ClientTls, which reads renewed files again, or credentials that the program has made;
    `insecure` is plain text over the network instead. An agent's answer has at most
    `agent_answer_bytes`. Callers who do not administer the comparator name hosts outside the
    inventory only with `any_address`. `facts` are all that are installed, unless others are
    given. With a `history` checks are recorded, with a `past` hosts can be as they were; a
    `watcher` hears which hosts are asked. Every method raises EngineError for what cannot be
    answered, CANCELLED when the caller is gone, and takes the caller's time for it, in seconds;
    None means the agents' own.
    """

    def __init__(
        self,
        inventory: Inventory | None = None,
        policies: Iterable[Policy | PolicyFile] = (),
        *,
        insecure: bool = False,
        tls: Tls | grpc.ChannelCredentials | None = None,
        agent_timeout_seconds: float = 10.0,
        agent_answer_bytes: int = MAX_ANSWER_BYTES,
        any_address: bool = False,
        facts: Mapping[str, Fact] | None = None,
        history: "History | None" = None,
        past: "Past | None" = None,
        watcher: Watcher | None = None,
    ) -> None:
        self._inventory = inventory or Inventory()
        self._catalogue = installed_facts().facts if facts is None else facts
        self._history = history
        self._past = past
        self._watcher = watcher
        self._any_address = any_address
        self._agent_timeout_seconds = agent_timeout_seconds
        source = FixedTls(tls) if isinstance(tls, grpc.ChannelCredentials) else tls
        connector = Connector(insecure=insecure, tls=source)
        self._host_watch = HostWatch(self._host_name)
        self._agents = Agents(
            connector,
            max_answer_bytes=agent_answer_bytes,
            watch=self._host_watch,
            heard=self._record,
        )
        self._prober = Prober()
        self._threads = FairThreads()
        self._policies = self._former = PolicyLibrary(policies, self._catalogue)

    def __enter__(self) -> Self:
        """Return the engine, to be closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the engine."""
        self.close()

    def reconfigure(
        self,
        inventory: Inventory,
        policies: Iterable[Policy | PolicyFile],
        agent_timeout_seconds: float,
        *,
        any_address: bool = False,
    ) -> None:
        """Answer by other hosts and policies from now on; raises PolicyError and changes nothing.

        Requests in progress end as they began, within a minute.
        """
        library = PolicyLibrary(policies, self._catalogue)
        former, self._policies = self._policies, library
        self._inventory = inventory
        self._any_address = any_address
        self._agent_timeout_seconds = agent_timeout_seconds
        if self._former is not former:
            self._former.close()
        self._former = former
        ending = threading.Timer(_FORMER_SECONDS, former.close)
        ending.daemon = True
        ending.start()

    @property
    def host_count(self) -> int:
        """How many hosts the inventory has."""
        return len(self._inventory.hosts)

    def observe(self, observer: Observer) -> None:
        """Tell somebody what is answered and asked from now on."""
        self._host_watch.observer = observer

    def health(self) -> EngineHealth:
        """Return how hosts, connections and the store fare."""
        asked = self._host_watch.states()
        hosts = {name: asked[name].answers for name in self._inventory.hosts if name in asked}
        is_recording = self._history is None or not self._history.is_failing
        if self._past is not None and self._past.recorder is not None:
            is_recording = is_recording and not self._past.recorder.is_failing
        return EngineHealth(hosts, self.host_count, self._agents.connections(), is_recording)

    def close(self) -> None:
        """Close the connections; calls in progress end unanswered."""
        self._agents.close()
        self._threads.close()
        self._former.close()
        self._policies.close()
        if self._past is not None:
            self._past.close()
        if self._history is not None:
            self._history.close()

    def list_facts(self) -> messages.ListFactsResponse:
        """Return the catalogue in its order, then the facts that configured policies declare."""
        freshness = self._policies.default.message.freshness
        facts = (*self._catalogue.values(), *self._policies.user_facts.values())
        return describe_facts(facts, freshness)

    def check(
        self,
        request: messages.CheckRequest,
        timeout_seconds: float | None = None,
        caller: Caller = LOCAL,
    ) -> messages.CheckResponse:
        """Return whether the VM can move, fact by fact; a dead agent is named in the answer."""
        check_request(request)
        inquiry = self._inquiry(request)
        check_moment(request.at, "at")
        source_reference, destination_reference = request.source, request.destination
        if self._past is not None and comparison.is_past(request):
            source_reference = _as_of(request.source, request)
            destination_reference = _as_of(request.destination, request)
        source = self._side(source_reference, "source", caller)
        destination = self._side(destination_reference, "destination", caller)
        inquiry = with_stand_ins(inquiry, request, source, destination)
        at = request.at.ToNanoseconds() / 1e9 if request.HasField("at") else None
        with self._turns(caller) as turns:
            (outcome,) = comparison.compare(
                inquiry,
                source,
                [destination],
                turns,
                prober=self._prober,
                until=self._until(timeout_seconds),
                at_seconds=at,
            )
        if isinstance(outcome, EngineError):
            raise twin(outcome)
        if self._history is not None:
            self._history.record(request, outcome)
        self._tell(outcome, caller)
        return outcome

    def rank(
        self,
        request: messages.RankRequest,
        timeout_seconds: float | None = None,
        caller: Caller = LOCAL,
    ) -> messages.RankResponse:
        """Return the check of every destination, the best first; none costs another its answer."""
        check_request(request)
        source = self._side(request.source, "source", caller)
        destinations = self._destinations(request, source, caller)
        inquiry = replace(self._inquiry(request), verdicts_only=request.verdicts_only)
        if len(destinations) > _MAX_PROBED and not inquiry.not_probed:
            inquiry = replace(
                inquiry, not_probed=f"more than {_MAX_PROBED} hosts are ranked at once"
            )
        with self._turns(caller) as turns:
            outcomes = comparison.compare(
                inquiry,
                source,
                destinations,
                turns,
                prober=self._prober,
                until=self._until(timeout_seconds),
            )
        checks = [
            comparison.unanswered(each, destination.name, inquiry)
            if isinstance(each, EngineError)
            else each
            for each, destination in zip(outcomes, destinations, strict=True)
        ]
        for each in checks:
            self._tell(each, caller)
        return ranked(checks, request.top_count)

    def diff(
        self,
        request: messages.DiffRequest,
        timeout_seconds: float | None = None,
        caller: Caller = LOCAL,
    ) -> messages.DiffResponse:
        """Return what differs between two hosts."""
        from vmfit_comparator.differences.diff import diff  # noqa: PLC0415 -- only who compares hosts pays for it

        check_request(request)
        _check_parts(request.parts)
        left, right = self._snapshots(
            [request.left, request.right], ["left", "right"], timeout_seconds, caller
        )
        response = diff(
            left.snapshot,
            right.snapshot,
            include_equal=request.include_equal,
            include_volatile=request.include_volatile,
            include_raw=request.include_raw,
            parts=request.parts,
        )
        response.left_host, response.right_host = left.side.name, right.side.name
        return response

    def baseline(
        self,
        request: messages.BaselineRequest,
        timeout_seconds: float | None = None,
        caller: Caller = LOCAL,
    ) -> messages.BaselineResponse:
        """Return what all hosts can give to a guest."""
        from vmfit_comparator.baselines.baseline import baseline  # noqa: PLC0415 -- as above

        check_request(request)
        if not request.hosts:
            raise invalid("hosts", "names no host")
        fields = [f"hosts[{index}]" for index in range(len(request.hosts))]
        gathered = self._snapshots(request.hosts, fields, timeout_seconds, caller)
        try:
            return baseline(
                snapshots_by_name(gathered),
                domain_type=request.domain_type,
                architecture=request.architecture,
            )
        except ValueError as error:
            raise EngineError(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from None

    def list_hosts(
        self, timeout_seconds: float | None = None, caller: Caller = LOCAL
    ) -> messages.ListHostsResponse:
        """Return the inventory in its order, with what each agent says of itself now."""
        until = min(self._until(timeout_seconds), time.monotonic() + _PROBE_SECONDS)
        ask_host = partial(inventory_row, agents=self._agents, until=until)
        with self._turns(caller) as turns:
            entries = self._inventory.hosts.values()
            rows = turns.results(ask_host, entries, attrgetter("name"))
            return messages.ListHostsResponse(hosts=rows)

    def host_snapshot(
        self,
        request: messages.GetHostSnapshotRequest,
        timeout_seconds: float | None = None,
        caller: Caller = LOCAL,
    ) -> messages.GetHostSnapshotResponse:
        """Return a host's snapshot as the engine sees it."""
        check_request(request)
        host = _as_of(request.host, request)
        _check_parts(request.parts)
        (found,) = self._snapshots([host], ["host"], timeout_seconds, caller)
        response = messages.GetHostSnapshotResponse(snapshot=found.snapshot)
        if request.parts:
            keep_only(response.snapshot, request.parts)
        return response

    def host_history(
        self,
        request: messages.GetHostHistoryRequest,
        timeout_seconds: float | None = None,  # noqa: ARG002 -- as every answer has it
        caller: Caller = LOCAL,  # noqa: ARG002
    ) -> messages.GetHostHistoryResponse:
        """Return what changed on a host, and when."""
        check_request(request)
        _check_parts(request.parts)
        name = self._name_of(request.host, "host")
        times = _between(request.since, request.until)
        past = self._kept_past(name, "host")
        return past.history(name, *times, request.parts, request.limit)

    def find_turn(
        self,
        request: messages.FindTurnRequest,
        timeout_seconds: float | None = None,
        caller: Caller = LOCAL,
    ) -> messages.FindTurnResponse:
        """Return since when a VM can, or cannot, move, and what changed then."""
        from vmfit_comparator.past.answering import Answering  # noqa: PLC0415 -- brings the store along

        check_request(request)
        check = request.check
        times = _between(request.since, request.until)
        inquiry = self._inquiry(check)
        tracks = (
            self._track(check.source, "check.source", times, caller),
            self._track(check.destination, "check.destination", times, caller),
        )
        if all(each.is_fixed for each in tracks):
            raise invalid("check.destination", "neither host is one with a past: name one")
        until = self._until(timeout_seconds)
        names = tracks[0].name, tracks[1].name
        facts = [each.id for each in inquiry.facts] if check.facts else []
        past = self._kept_past(names[1], "check.destination")
        with self._turns(caller) as turns:
            answering = Answering(inquiry, names, turns, self._prober, until)
            return past.turning(tracks, answering, (times[1], until), facts)

    def list_leases(
        self,
        request: messages.ListHostLeasesRequest,
        timeout_seconds: float | None = None,
        caller: Caller = LOCAL,
    ) -> messages.ListHostLeasesResponse:
        """Return what a host has promised to VMs that are to come."""
        check_request(request)
        host = self._side(request.host, "host", caller)
        return reservations.list_leases(host, self._until(timeout_seconds))

    def reserve_memory(
        self,
        request: messages.ReserveMemoryRequest,
        timeout_seconds: float | None = None,
        caller: Caller = LOCAL,
    ) -> messages.ReserveMemoryResponse:
        """Have the destination's agent promise a VM's memory."""
        check_request(request)
        source = self._side(request.source, "source", caller)
        until = self._until(timeout_seconds)
        wanted = [request.destination], ["destination"]
        (destination,) = self._snapshots(*wanted, timeout_seconds, caller)
        return reservations.reserve(request, source, destination, until)

    def release_memory(
        self,
        request: messages.ReleaseMemoryRequest,
        timeout_seconds: float | None = None,
        caller: Caller = LOCAL,
    ) -> messages.ReleaseMemoryResponse:
        """End the lease that a VM has on the destination."""
        check_request(request)
        destination = self._side(request.destination, "destination", caller)
        return reservations.release(request, destination, self._until(timeout_seconds))

    def report_outcome(
        self, request: outcomes.ReportOutcomeRequest
    ) -> outcomes.ReportOutcomeResponse:
        """Keep what became of a migration that was checked."""
        check_request(request)
        return self._recorded().report(request)

    def calibration(
        self, request: outcomes.GetCalibrationRequest
    ) -> outcomes.GetCalibrationResponse:
        """Return how often the answers came true."""
        check_request(request)
        known = (*self._catalogue, *self._policies.user_facts)
        return self._recorded().calibration(request, known)

    def _recorded(self) -> "History":
        if self._history is None:
            message = "no store is configured: nothing is kept without --store or VMFIT_STORE"
            cause = Cause(Reason.STORE_MISSING)
            raise EngineError(grpc.StatusCode.FAILED_PRECONDITION, message, cause=cause)
        return self._history

    def _inquiry(self, request: messages.CheckRequest | messages.RankRequest) -> comparison.Inquiry:
        resolved = self._policies.resolve(request.policy)
        try:
            wanted = select_facts(request.facts, resolved.facts)
        except PolicyError as error:
            cause = Cause(Reason.FACT_UNKNOWN)
            code = grpc.StatusCode.INVALID_ARGUMENT
            raise EngineError(code, str(error), error.field, cause) from None
        selected = [resolved.facts[each] for each in wanted if not resolved.rules[each].skip]
        fresh = fresh_seconds_by_part(resolved.message.freshness)
        not_probed = why_not_probed(resolved.message, selected, forbidden=request.no_probes)
        return comparison.Inquiry(
            request.vm, request.options, resolved, selected, fresh, not_probed
        )

    def _tell(self, response: messages.CheckResponse, caller: Caller) -> None:
        self._host_watch.observer.answered(response)
        log_check(response, caller)

    def _host_name(self, address: Address) -> str:
        entry = self._inventory.by_address.get(address)
        return str(address) if entry is None else entry.name

    def _turns(self, caller: Caller) -> Turns:
        return Turns(self._threads, caller, self._watcher)

    def _side(self, reference: messages.HostReference, field: str, caller: Caller) -> Side:
        any_address = AnyAddress.of(caller, configured=self._any_address)
        if reference.HasField("at"):
            return self._past_side(reference, field)
        return resolve_side(reference, field, self._inventory, self._agents, any_address)

    def _past_side(self, reference: messages.HostReference, field: str) -> Side:
        check_moment(reference.at, f"{field}.at")
        if reference.WhichOneof("host") not in ("name", "address"):
            raise invalid(f"{field}.at", "is for a host given by name or address")
        name = self._name_of(reference, field)
        past = self._kept_past(name, f"{field}.at")
        at_seconds = reference.at.ToNanoseconds() / 1e9
        return Side(name, field, content=past.snapshot(name, at_seconds, f"{field}.at"))

    def _track(
        self,
        reference: messages.HostReference,
        field: str,
        times: tuple[float, float],
        caller: Caller,
    ) -> "Track":
        from vmfit_comparator.past.track import SameAlways  # noqa: PLC0415 -- brings the store along

        if reference.HasField("at") or reference.WhichOneof("host") == "snapshot":
            side = self._side(reference, field, caller)
            assert side.content is not None
            return SameAlways(side.name, side.content)
        name = self._name_of(reference, field)
        return self._kept_past(name, field).track(name, field, *times)

    def _name_of(self, reference: messages.HostReference, field: str) -> str:
        """Return what the past calls a host that is named or has an address."""
        kind = reference.WhichOneof("host")
        if kind == "address":
            try:
                return self._host_name(parse_address(reference.address, AGENT_PORT))
            except AddressError as error:
                raise invalid(f"{field}.address", str(error)) from None
        if kind != "name" or not reference.name.strip():
            raise invalid(field, "names no host that has a past: give a name or an address")
        return reference.name

    def _kept_past(self, name: str, field: str) -> "Past":
        if self._past is None:
            message = f"{field}: {name} can only be asked for the present; snapshots are not kept"
            cause = Cause(Reason.PAST_NOT_KEPT)
            raise EngineError(grpc.StatusCode.UNIMPLEMENTED, message, field, cause)
        return self._past

    def _record(self, address: Address, answer: HostAnswer) -> None:
        if self._past is not None and self._past.recorder is not None:
            self._past.recorder.note(self._host_name(address), answer)

    def _sides(
        self, references: Sequence[messages.HostReference], field: str, caller: Caller
    ) -> list[Side]:
        if len(references) > _MAX_HOSTS:
            raise invalid(field, f"more than {_MAX_HOSTS} hosts")
        return [
            self._side(each, f"{field}[{index}]", caller) for index, each in enumerate(references)
        ]

    def _destinations(
        self, request: messages.RankRequest, source: Side, caller: Caller
    ) -> list[Side]:
        """Return the hosts that a request names, by itself or by patterns; else all others."""
        patterns = list(request.destination_names)
        named = self._sides(request.destinations, "destinations", caller)
        if named and not patterns:
            return named
        left_out = {source.name, *(each.name for each in named)}
        if (own := self._own_entry(request.source)) is not None:
            left_out.add(own.name)
        matching = names_matching(self._inventory.hosts, patterns or ["*"])
        hosts = [messages.HostReference(name=each) for each in matching if each not in left_out]
        if not hosts and not named:
            which = f"no other host of the inventory is called {', '.join(patterns)}"
            raise invalid(
                *(
                    ("destination_names", which[:_MAX_SHOWN])
                    if patterns
                    else ("destinations", "names no host, and the inventory has no other")
                )
            )
        return [*named, *self._sides(hosts, "destination_names", caller)]

    def _own_entry(self, reference: messages.HostReference) -> HostEntry | None:
        if reference.WhichOneof("host") != "address":
            return None
        return self._inventory.by_address.get(parse_address(reference.address, AGENT_PORT))

    def _snapshots(
        self,
        references: Sequence[messages.HostReference],
        fields: Sequence[str],
        timeout_seconds: float | None,
        caller: Caller,
    ) -> list[Gathered]:
        sides = [self._side(each, at, caller) for each, at in zip(references, fields, strict=True)]
        fresh = fresh_seconds_by_part(self._policies.default.message.freshness)
        until = self._until(timeout_seconds)
        with self._turns(caller) as turns:
            asked = [ask(side, turns, fresh, until) for side in sides]
            gathered = [gather(side, each, turns) for side, each in zip(sides, asked, strict=True)]
        for each in gathered:
            if each.error:
                message = f"host {each.side.name}: {each.error}"
                raise EngineError(grpc.StatusCode.UNAVAILABLE, message, cause=each.cause)
        return gathered

    def _until(self, timeout_seconds: float | None) -> float:
        own = self._agent_timeout_seconds
        share = own if timeout_seconds is None else min(own, timeout_seconds * _AGENTS_SHARE)
        return time.monotonic() + share


def _as_of(
    reference: messages.HostReference,
    request: messages.CheckRequest | messages.GetHostSnapshotRequest,
) -> messages.HostReference:
    """Return a named host as it was when the request asks for, unless it has a time of its own."""
    named = reference.WhichOneof("host") in ("name", "address")
    if not named or reference.HasField("at") or not request.HasField("at"):
        return reference
    then = messages.HostReference(at=request.at)
    then.MergeFrom(reference)
    return then


def _between(since: Timestamp, until: Timestamp) -> tuple[float, float]:
    """Return two times of a request, as Unix time: an absent one is the first, or now."""
    check_moment(since, "since")
    check_moment(until, "until")
    times = since.ToNanoseconds() / 1e9, until.ToNanoseconds() / 1e9 or time.time()
    if times[0] > times[1]:
        raise invalid("since", "is later than until" if until.seconds else "is later than now")
    return times


def _check_parts(parts: Sequence[str]) -> None:
    for index, part in enumerate(parts):
        if part not in PART_VOLATILITY:
            hint = meant_or_known(part, PART_VOLATILITY)
            cause = Cause(Reason.PART_UNKNOWN, {"part": part})
            raise invalid(f"parts[{index}]", f"no such part: {part[:100]!r}{hint}", cause)
