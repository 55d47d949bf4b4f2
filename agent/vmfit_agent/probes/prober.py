"""Answers a request's questions side by side, each within its time, and not too many."""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from functools import partial

from vmfit.v1.host_metadata_service_pb2 import ProbeCase
from vmfit.v1.probe_pb2 import Probe, ProbeResult
from vmfit_agent.calls import Calls
from vmfit_agent.host import Host
from vmfit_agent.probes.asked import Answering, Asked, Asking
from vmfit_agent.probes.caller_rates import CallerRates
from vmfit_agent.probes.case_rules import Describe, known_case, rules_of_case
from vmfit_agent.probes.description import describe_probe, shown_name
from vmfit_agent.probes.handed_on import hand_on
from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_agent.probes.places import Places
from vmfit_agent.probes.probe_settings import DEFAULTS, ProbeSettings
from vmfit_agent.probes.questions import (
    NETWORK_QUESTIONS,
    QUESTIONS,
    Question,
    is_about_network,
)
from vmfit_agent.probes.terms import LOOK_SECONDS, Terms
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.probes.validation import DEFAULT_SECONDS
from vmfit_agent.shares import Shares
from vmfit_agent.sources import ProbesExhausted
from vmfit_contract.access import Caller

_LOG = logging.getLogger(__name__)

MAX_REQUESTS = 24
"""How many requests may be under way at once; a caller has at most half of them."""

_NO_CASE = ProbeCase()


class Prober:
    """Answers probes of one host. Safe to use from several threads."""

    def __init__(
        self,
        host: Host,
        settings: ProbeSettings = DEFAULTS,
        network: Calls | None = None,
        questions: Mapping[str, Question] = QUESTIONS,
        *,
        describe: Describe | None = None,
        takes_servers: bool = False,
    ) -> None:
        """`network` answers questions about the network; without it this process does.

        `describe` tells which servers a case's guest needs. With `takes_servers` who asks has
        found them out: another process of the agent.
        """
        self._host = host
        self._settings = settings
        self._questions = questions
        self._network = network
        self._describe = describe
        self._takes_servers = takes_servers
        self._rates = CallerRates(settings.per_minute)
        self._requests = Shares(MAX_REQUESTS)
        self._places = {kind: Places(each.places, MAX_REQUESTS) for kind, each in questions.items()}

    def answer(
        self,
        probes: Sequence[Probe],
        seconds: float,
        caller: Caller,
        case: ProbeCase = _NO_CASE,
    ) -> list[ProbeResult]:
        """Return the results in the order of the probes, which are valid; raises ProbesExhausted.

        Hosts of the network are asked as far as the case has to do with them.

        What is not answered within the seconds, or a probe's own, has an error. A question that
        hangs keeps its thread and its place among those of its kind, never its caller; when the
        caller is gone, what has not begun never does.
        """
        until = time.monotonic() + seconds
        if wait := self._rates.take(caller.name, len(probes)):
            raise ProbesExhausted(
                f"{self._settings.per_minute} probes a minute are answered (probes_per_minute): "
                f"ask again in {math.ceil(wait)} s"
            )
        if not self._requests.take(caller.name):
            raise ProbesExhausted("too many requests for probes are under way already")
        try:
            for probe in probes:
                _LOG.info("probe for %s: %s", shown_name(caller.name), describe_probe(probe))
            known, rules = self._case(probes, case, seconds, caller)
            asking = Asking(caller.name, until, caller.is_gone, partial(self._terms, caller, rules))
            return self._answer(probes, asking, caller, known, rules)
        finally:
            self._requests.give_back(caller.name)

    def _case(
        self, probes: Sequence[Probe], case: ProbeCase, seconds: float, caller: Caller
    ) -> tuple[ProbeCase, NetworkRules]:
        """Return the case as it is handed on, and the rules for it."""
        rules = self._settings.rules
        if not any(each.WhichOneof("question") in NETWORK_QUESTIONS for each in probes):
            return case, rules
        unknown = ""
        if not self._takes_servers:
            case, unknown = known_case(case, self._describe, seconds, caller)
        return case, rules_of_case(rules, self._host, case, unknown)

    def _answer(
        self,
        probes: Sequence[Probe],
        asking: Asking,
        caller: Caller,
        case: ProbeCase,
        rules: NetworkRules,
    ) -> list[ProbeResult]:
        foreign = [probe for probe in probes if self._is_handed_on(probe, rules)]
        handed_on = iter(self._hand_on(foreign, case, asking.until, caller))
        answers = [
            next(handed_on) if self._is_handed_on(probe, rules) else self._ask(probe, asking)
            for probe in probes
        ]
        try:
            _wait_for(answers, caller)
        finally:
            for places in self._places.values():
                places.forget(asking.request)
        return [each.result() for each in answers]

    def _is_handed_on(self, probe: Probe, rules: NetworkRules) -> bool:
        if self._network is None or not is_about_network(probe):
            return False
        kind, question = self._question(probe)
        try:
            question.allow(getattr(probe, kind), self._host, rules)
        except Unanswerable:
            return False  # Asked in this process it says why, and touches nothing.
        return True

    def _hand_on(
        self, probes: Sequence[Probe], case: ProbeCase, until: float, caller: Caller
    ) -> Sequence[Answering]:
        if not probes or self._network is None:
            return ()
        longest = time.monotonic() + max(map(_seconds, probes))
        return hand_on(self._network, probes, case, min(until, longest), caller)

    def _ask(self, probe: Probe, asking: Asking) -> Answering:
        kind, question = self._question(probe)
        asked = Asked(
            probe, question, self._places[kind], asking, time.monotonic() + _seconds(probe)
        )
        self._places[kind].enter(asked)
        return asked

    def _question(self, probe: Probe) -> tuple[str, Question]:
        kind = probe.WhichOneof("question") or ""
        return kind, self._questions[kind]

    def _terms(self, caller: Caller, rules: NetworkRules, seconds: float) -> Terms:
        return Terms(self._host, rules, caller, seconds, self._settings.socket_directories)


def _wait_for(answers: Sequence[Answering], caller: Caller) -> None:
    """Wait until all are there or out of time, or the caller is gone."""
    for each in answers:
        while not each.wait(LOOK_SECONDS):
            if caller.is_gone():
                return


def _seconds(probe: Probe) -> float:
    return probe.timeout_seconds if probe.HasField("timeout_seconds") else DEFAULT_SECONDS
