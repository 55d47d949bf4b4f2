"""One VM, one source, several destinations: gathers what is needed and evaluates each pair."""

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import grpc

from vmfit.v1.case_pb2 import ClockComparison, SnapshotAges
from vmfit.v1.comparator_service_pb2 import CheckRequest, CheckResponse, VmReference
from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.freshness import PartAges
from vmfit_comparator.hosts.host_answer import HostAnswer
from vmfit_comparator.hosts.light_errors import light
from vmfit_comparator.hosts.sides import (
    Gathered,
    Side,
    age_seconds,
    ask,
    check_keys,
    content_nonces,
    gather,
)
from vmfit_comparator.hosts.turns import Turns
from vmfit_comparator.hosts.vms import (
    IncomingVm,
    SourceVm,
    incoming_vm,
    source_vm,
    with_known_names,
)
from vmfit_comparator.knowledge.copying.estimate import estimate
from vmfit_comparator.policies.policy import ResolvedPolicy
from vmfit_comparator.policies.verdict import judge
from vmfit_comparator.probes import Prober, want_dirty_rate
from vmfit_contract.limits import MAX_MESSAGE_BYTES
from vmfit_contract.reasons import Cause, Reason

_LOG = logging.getLogger(__name__)
# `at` may lie this far behind now and still mean now: clocks of callers differ.
_PRESENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is asked about every destination."""

    vm: VmReference
    options: MigrationOptions
    policy: ResolvedPolicy
    facts: Sequence[Fact]
    fresh_seconds: Mapping[str, float]
    """By part: what is older is collected anew."""
    not_probed: str = ""
    """Why the agents are not to be asked anything beyond what they are; empty when they may."""
    verdicts_only: bool = False
    """Findings, and the ages of inputs, are left out of the answer."""
    incoming: Vm | None = None
    """The VM as the destination would describe it, where there is no agent to ask."""
    probes: ProbeAnswers | None = None
    """What would be answered, where there are no agents to ask."""


def is_past(request: CheckRequest) -> bool:
    """Return whether a request is about a time that no agent can be asked for any more."""
    at_seconds = request.at.ToNanoseconds() / 1e9
    return request.HasField("at") and at_seconds < time.time() - _PRESENT_SECONDS


def compare(
    inquiry: Inquiry,
    source: Side,
    destinations: Sequence[Side],
    turns: Turns,
    *,
    prober: Prober,
    until: float,
    at_seconds: float | None = None,
) -> list[CheckResponse | EngineError]:
    """Return one answer per destination, in their order; all agents are asked concurrently.

    An error that concerns one destination stands in its place; one that concerns source or VM
    raises EngineError, and so does a caller that is gone.
    """
    live = [side for side in (source, *destinations) if side.client is not None]
    if at_seconds is not None and live and at_seconds < time.time() - _PRESENT_SECONDS:
        message = f"at: {live[0].name} can only be asked for the present; snapshots are not kept"
        cause = Cause(Reason.PAST_NOT_KEPT)
        raise EngineError(grpc.StatusCode.UNIMPLEMENTED, message, "at", cause)
    source_asked = ask(source, turns, inquiry.fresh_seconds, until)
    asked = [ask(side, turns, inquiry.fresh_seconds, until) for side in destinations]
    sides = [source, *destinations]
    nonces = content_nonces(sides, [source_asked, *asked], until)
    finding = turns.begin(source_vm, inquiry.vm, source, until, nonces)
    known = _known_vm(inquiry, finding, source, source_asked, turns)
    incoming = [
        turns.begin(incoming_vm, known, inquiry.options, (source, side), until, nonces)
        for side in destinations
    ]
    gathered_source = gather(source, source_asked, turns)
    pairs = [
        _pair(inquiry, known, gathered_source, pending, at_seconds, turns=turns)
        for pending in zip(destinations, asked, incoming, strict=True)
    ]
    return _probed_answers(inquiry, pairs, turns, prober, until)


def _known_vm(
    inquiry: Inquiry,
    finding: "Future[SourceVm]",
    source: Side,
    source_asked: "Future[HostAnswer] | None",
    turns: Turns,
) -> SourceVm:
    try:
        return turns.result(finding)
    except EngineError as error:
        if source_asked is None or error.code is not grpc.StatusCode.NOT_FOUND:
            raise
        snapshot = gather(source, source_asked, turns).snapshot
        raise with_known_names(error, inquiry.vm, snapshot) from None


def _probed_answers(
    inquiry: Inquiry,
    pairs: Sequence["_Pair | EngineError"],
    turns: Turns,
    prober: Prober,
    until: float,
) -> list[CheckResponse | EngineError]:
    probing = iter(
        [
            turns.begin(_probes, inquiry, each, prober, until)
            for each in pairs
            if not isinstance(each, EngineError)
        ]
    )
    answers: list[CheckResponse | EngineError] = []
    size = 0
    for each in pairs:
        if isinstance(each, EngineError):
            answers.append(each)
        else:
            answer = _answer(inquiry, each, turns.result(next(probing)))
            if inquiry.verdicts_only:
                del answer.findings[:], answer.subject.inputs[:]
            answers.append(answer)
            size += answer.ByteSize()
        # To evaluate thousands of pairs takes seconds, and hundreds of megabytes.
        turns.go_on()
        if size > MAX_MESSAGE_BYTES:
            raise _too_much(len(answers), len(pairs))
    return answers


def _too_much(answered: int, wanted: int) -> EngineError:
    message = (
        f"destinations: the answers for {answered} of {wanted} take more than "
        f"{MAX_MESSAGE_BYTES >> 20} MiB: rank fewer at once"
    )
    return EngineError(grpc.StatusCode.RESOURCE_EXHAUSTED, message, "destinations")


def unanswered(error: EngineError, destination: str, inquiry: Inquiry) -> CheckResponse:
    """Return the answer for a destination that could not be compared: no idea, and why."""
    response = CheckResponse()
    response.verdict.answer = Answer.ANSWER_NO_IDEA
    response.verdict.policy = inquiry.policy.message.name
    response.verdict.summary = f"NO_IDEA, not acceptable: {error}"
    response.subject.destination_host = destination
    reason = error.cause.reason
    response.subject.errors.add(host=destination, error=str(error), reason=reason)
    response.subject.evaluated_at.GetCurrentTime()
    return response


def rank_key(response: CheckResponse) -> tuple[bool, float, int]:
    """Return what a better destination has more of: acceptable, the score, the answer."""
    verdict = response.verdict
    return verdict.acceptable, verdict.score, verdict.answer


@dataclass(frozen=True, slots=True)
class _Pair:
    """One destination beside the source, with all that both said of themselves."""

    source: Gathered
    destination: Gathered
    incoming: IncomingVm
    case: Case
    at_seconds: float
    definition: str
    """The domain XML that would travel; empty when it is not known."""
    persistent_definition: str
    """The stored one that would travel beside; empty for none, or none that says another thing."""


def _pair(
    inquiry: Inquiry,
    known: SourceVm,
    source: Gathered,
    pending: tuple[Side, "Future[HostAnswer] | None", "Future[IncomingVm]"],
    at_seconds: float | None,
    *,
    turns: Turns,
) -> _Pair | EngineError:
    side, asked, describing = pending
    try:
        destination = gather(side, asked, turns)
        incoming = turns.result(describing)
        if inquiry.incoming is not None:
            incoming = IncomingVm(inquiry.incoming)
        check_keys(source, destination)
    except EngineError as error:
        if error.code is grpc.StatusCode.CANCELLED:
            raise
        return light(error)
    at = _moment(source, destination) if at_seconds is None else at_seconds
    case = _migration(inquiry, (known, incoming), source, destination, at)
    options = inquiry.options
    definition = options.destination_xml or known.xml
    stored = options.persistent_xml or (known.persistent_xml if options.persistent else "")
    return _Pair(source, destination, incoming, case, at, definition, stored)


def _probes(inquiry: Inquiry, pair: _Pair, prober: Prober, until: float) -> ProbeAnswers:
    if inquiry.probes is not None:
        return inquiry.probes
    reason = inquiry.not_probed
    for host in (pair.source, pair.destination):
        if not reason and not host.is_live:
            reason = f"{host.side.name} {host.error or 'is a recording, which cannot be asked'}"
    if reason or pair.source.side.client is None or pair.destination.side.client is None:
        return ProbeAnswers(not_asked=reason)
    try:
        return prober.answers(
            pair.case,
            (pair.source.side.name, pair.source.side.client),
            (pair.destination.side.name, pair.destination.side.client),
            until,
            hosts=(*pair.source.side.known_as, *pair.destination.side.known_as),
            is_domain=inquiry.vm.WhichOneof("vm") == "name_or_uuid",
            definition=pair.definition,
            persistent_definition=pair.persistent_definition,
            measure=want_dirty_rate(inquiry.facts),
        )
    except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs the probes alone
        _LOG.exception("probing failed")
        return ProbeAnswers(not_asked=f"probing failed: {type(error).__name__}: {error}")


def _answer(inquiry: Inquiry, pair: _Pair, probes: ProbeAnswers) -> CheckResponse:
    source, destination, incoming = pair.source, pair.destination, pair.incoming
    case = replace(pair.case, probes=probes)
    evaluated_at = datetime.fromtimestamp(pair.at_seconds, UTC)
    ages = PartAges(case)
    findings = evaluate(inquiry.facts, case, evaluated_at, ages)
    response = CheckResponse()
    for each in findings:
        # Thrice as quick as to give the list to the response.
        response.findings.add().CopyFrom(each)
    response.verdict.CopyFrom(judge(findings, inquiry.policy))
    told = estimate(case)
    if told is not None:
        response.estimate.CopyFrom(told)
    subject = response.subject
    subject.vm_name, subject.vm_uuid = case.vm.name, case.vm.uuid
    subject.source_host, subject.destination_host = source.side.name, destination.side.name
    subject.evaluated_at.FromDatetime(evaluated_at)
    for path, seconds in ages.of_parts():
        subject.inputs.add(path=path).age.FromNanoseconds(round(seconds * 1e9))
    for host in (source, destination):
        if host.error:
            reason = host.cause.reason
            subject.errors.add(host=host.side.name, error=host.error, reason=reason)
    if incoming.error and not destination.error:
        subject.errors.add(host=destination.side.name, error=incoming.error)
    return response


def _moment(source: Gathered, destination: Gathered) -> float:
    """Return when to evaluate: now, or with two snapshots the time of the newest."""
    if source.side.client is not None or destination.side.client is not None:
        return time.time()
    taken = [each.snapshot.taken_at.ToNanoseconds() / 1e9 for each in (source, destination)]
    return max(taken) or time.time()


def _migration(
    inquiry: Inquiry,
    vms: tuple[SourceVm, IncomingVm],
    source: Gathered,
    destination: Gathered,
    at: float,
) -> Case:
    known, incoming = vms
    difference, uncertainty = _clocks(source, destination)
    return Case(
        source=source.snapshot,
        destination=destination.snapshot,
        vm=known.vm,
        incoming=incoming.vm,
        options=inquiry.options,
        policy=inquiry.policy.message,
        clock=ClockComparison(difference_seconds=difference, uncertainty_seconds=uncertainty),
        ages=SnapshotAges(
            source_seconds=age_seconds(source, at),
            destination_seconds=age_seconds(destination, at),
            vm_from_snapshot=known.from_snapshot,
            source_error=source.error,
            destination_error=destination.error,
        ),
    )


def _clocks(source: Gathered, destination: Gathered) -> tuple[float | None, float]:
    if not (source.is_live and destination.is_live):
        return None, 0.0
    assert source.answer is not None
    assert destination.answer is not None
    return (
        destination.answer.clock_offset_seconds - source.answer.clock_offset_seconds,
        destination.answer.clock_uncertainty_seconds + source.answer.clock_uncertainty_seconds,
    )
