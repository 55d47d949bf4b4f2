"""What the engine does with its store: records checks, takes outcomes, tells the calibration."""

import hashlib
import logging
import re
import secrets
import threading
import time
from collections.abc import Sequence

import grpc

from vmfit.v1 import calibration_pb2 as messages
from vmfit.v1 import comparator_service_pb2 as services
from vmfit_comparator.engine_error import EngineError, invalid
from vmfit_comparator.outcomes.calibration import calibrate
from vmfit_comparator.outcomes.judgement import MIGRATED
from vmfit_comparator.policies.policy_checks import MAX_IDENTIFIER_CHARACTERS, patterns
from vmfit_comparator.store.records import CheckRecord, Given, OutcomeRecord, StoreError
from vmfit_comparator.store.store import Store
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.spelling import did_you_mean

_LOG = logging.getLogger(__name__)
_NO_FACT = Cause(Reason.FACT_UNKNOWN)
_CHECK_ID = re.compile(r"[0-9a-f]{16}")
_MAX_TEXT_CHARACTERS = 4096
_MAX_NAMES = 1000
# A store that fails is left alone for so long: no check waits for it in vain meanwhile.
_PAUSE_SECONDS = 30.0


class History:
    """Checks and their outcomes. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._paused_until = 0.0
        self._is_failing = False

    @property
    def is_failing(self) -> bool:
        """The last check could not be recorded."""
        return self._is_failing

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def record(self, request: services.CheckRequest, response: services.CheckResponse) -> None:
        """Keep an answer and set its check id; when that fails, warn and leave it unset."""
        if time.monotonic() < self._paused_until:
            return
        record = _record(request, response)
        try:
            self._store.add_check(record)
        except StoreError as error:
            self._note(error)
            return
        self._note(None)
        response.subject.check_id = record.id

    def report(self, request: messages.ReportOutcomeRequest) -> messages.ReportOutcomeResponse:
        """Keep what became of a migration. Raises EngineError."""
        if request.outcome not in messages.MigrationOutcome.values() or not request.outcome:
            raise invalid("outcome", "must be one of MIGRATED, REFUSED, FAILED, BROKEN")
        if len(request.text) > _MAX_TEXT_CHARACTERS:
            raise invalid("text", f"longer than {_MAX_TEXT_CHARACTERS} characters")
        try:
            known = _CHECK_ID.fullmatch(request.check_id) and self._store.check(request.check_id)
            if not known:
                message = f"check_id: no check {request.check_id[:100]!r} in the store"
                cause = Cause(Reason.CHECK_UNKNOWN, {"check_id": request.check_id})
                raise EngineError(grpc.StatusCode.NOT_FOUND, message, "check_id", cause)
            _check_causes(request, known)
            # PostgreSQL cannot keep NUL.
            text = request.text.replace("\0", "")
            causes = tuple(dict.fromkeys(request.causes))
            before = self._store.put_outcome(known.id, OutcomeRecord(request.outcome, text, causes))
        except StoreError as error:
            raise _unavailable(error) from None
        response = messages.ReportOutcomeResponse(
            vm_name=known.vm_name,
            source_host=known.source_host,
            destination_host=known.destination_host,
            answer=known.answer,
        )
        if before is not None:
            response.replaced = before.outcome
        return response

    def calibration(
        self, request: messages.GetCalibrationRequest, known_facts: Sequence[str]
    ) -> messages.GetCalibrationResponse:
        """Return how often answers came true. Raises EngineError.

        A wanted fact must be one of `known_facts`, or one that the store knows.
        """
        if len(request.facts) > _MAX_NAMES:
            raise invalid("facts", f"more than {_MAX_NAMES}")
        for index, each in enumerate(request.facts):
            if len(each) > MAX_IDENTIFIER_CHARACTERS:
                complaint = f"is longer than {MAX_IDENTIFIER_CHARACTERS} characters"
                raise invalid(f"facts[{index}]", complaint)
        wanted = set(request.facts)
        seen: dict[str, bool] = {}

        def is_wanted(name: str) -> bool:
            if name not in seen:
                seen[name] = not wanted or not wanted.isdisjoint(patterns(name))
            return seen[name]

        try:
            response = calibrate(self._store.outcomes(), is_wanted, self._store.count_checks())
        except StoreError as error:
            raise _unavailable(error) from None
        known = {each for name in (*known_facts, *seen) for each in patterns(name)}
        for index, each in enumerate(request.facts):
            if each not in known:
                hint = did_you_mean(each, sorted(known))
                raise invalid(f"facts[{index}]", f"no such fact: {each[:100]!r}{hint}", _NO_FACT)
        return response

    def _note(self, error: StoreError | None) -> None:
        """Say once that recording fails, and once that it works again."""
        with self._lock:
            was_failing, self._is_failing = self._is_failing, error is not None
            if error is not None:
                self._paused_until = time.monotonic() + _PAUSE_SECONDS
        if error is not None and not was_failing:
            _LOG.warning("answers are not recorded: %s", error)
        elif error is None and was_failing:
            _LOG.warning("answers are recorded again")


def _record(request: services.CheckRequest, response: services.CheckResponse) -> CheckRecord:
    verdict, subject = response.verdict, response.subject
    options = request.options.SerializeToString(deterministic=True)
    return CheckRecord(
        id=secrets.token_hex(8),
        checked_at_seconds=time.time(),
        vm_name=_name(subject.vm_name),
        vm_uuid=_name(subject.vm_uuid),
        source_host=_name(subject.source_host),
        destination_host=_name(subject.destination_host),
        options_digest=hashlib.sha256(options).hexdigest(),
        policy=_name(verdict.policy),
        answer=verdict.answer,
        probability=verdict.probability if verdict.HasField("probability") else None,
        acceptable=verdict.acceptable,
        is_whole=not request.facts,
        findings={
            each.fact: Given(
                each.answer,
                each.consequence,
                each.probability if each.HasField("probability") else None,
            )
            for each in response.findings
            if not each.not_applicable
        },
    )


def _name(text: str) -> str:
    return text.replace("\0", "")[:MAX_IDENTIFIER_CHARACTERS]


def _check_causes(request: messages.ReportOutcomeRequest, check: CheckRecord) -> None:
    if request.causes and request.outcome == MIGRATED:
        raise invalid("causes", "a migration that worked has none")
    if len(request.causes) > _MAX_NAMES:
        raise invalid("causes", f"more than {_MAX_NAMES}")
    for index, each in enumerate(request.causes):
        if each not in check.findings:
            raise invalid(
                f"causes[{index}]", f"{each[:100]!r} is no fact of the check, or did not apply"
            )


def _unavailable(error: StoreError) -> EngineError:
    cause = Cause(Reason.STORE_UNREACHABLE, retry_seconds=_PAUSE_SECONDS)
    return EngineError(grpc.StatusCode.UNAVAILABLE, str(error), cause=cause)
