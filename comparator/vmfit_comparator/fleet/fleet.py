"""Answers of all facts for one VM and all hosts: each fact is asked once for hosts alike."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from vmfit_comparator.evaluation.evaluator import Evaluation
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.freshness import bounds_of
from vmfit_comparator.evaluation.grouping import Measure
from vmfit_comparator.fleet.hosts import FleetHost, Hosts
from vmfit_comparator.fleet.names import NameCodes, Wanted
from vmfit_comparator.fleet.outcomes import Ids, Outcomes
from vmfit_comparator.fleet.question import Question
from vmfit_comparator.fleet.shapes import Wording
from vmfit_comparator.fleet.tables import Table, Thresholds

Rows = NDArray[np.int64]
# Of one fact for one VM; a VM asks some forty.
_MAX_TABLES = 40_000
_MAX_NAMES = 64


class Fleet:
    """Hosts, and what is known of their answers. Safe to use from several threads."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.hosts = Hosts(facts)
        self.outcomes = Outcomes()
        self._tables: OrderedDict[tuple[str, bytes], Table | Thresholds] = OrderedDict()
        self._names: OrderedDict[tuple[Wording, Wanted], NameCodes] = OrderedDict()

    def answers(self, question: Question, rows: Rows) -> list[Ids]:
        """Return, fact by fact, the outcome of each row; the lock of the hosts is held."""
        hosts = self.hosts
        hosts.settle()
        asked = _Asked(self, question, [host for row in rows.tolist() if (host := hosts.rows[row])])
        found = [self._ids(fact, rows, question, asked) for fact in question.facts]
        return self._aged(question, rows, found)

    def _ids(self, fact: Fact, rows: Rows, question: Question, asked: "_Asked") -> Ids:
        key = question.key(fact)
        if key is None or fact.id not in self.hosts.facts:
            return np.array([asked.id(fact, each) for each in range(len(rows))], np.int32)
        if question.is_settled(fact):
            return np.full(len(rows), asked.id(fact, 0), np.int32)
        grouping = fact.grouping
        groups = self.hosts.groups[fact.id].of_row[rows]
        wording = self.hosts.wordings[fact.id]
        if wording.singles:
            codes = self._name_codes(wording, question.wanted(fact))
            names, version = self.hosts.names[wording], self.hosts.version
            groups = groups << 24 | codes.of(rows, names, self.hosts.changed, version)
        if grouping.measure is not None:
            measured = _MEASURES[grouping.measure](question, asked.hosts)
            return Thresholds().ids(
                groups << 1 | measured[0], measured[1], lambda each: asked.id(fact, each)
            )
        table = self._table(fact, key)
        if isinstance(table, Thresholds):
            numbers = self.hosts.numbers[fact.id][rows]
            return table.ids(groups, numbers, lambda each: asked.id(fact, each))
        return table.ids(groups, lambda each: asked.id(fact, each))

    def _table(self, fact: Fact, key: bytes) -> Table | Thresholds:
        table = self._tables.get((fact.id, key))
        if table is None:
            table = Table() if fact.grouping.number is None else Thresholds()
            self._tables[fact.id, key] = table
            if len(self._tables) > _MAX_TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end((fact.id, key))
        return table

    def _name_codes(self, wording: Wording, wanted: Wanted) -> NameCodes:
        key = wording, wanted
        if key not in self._names:
            self._names[key] = NameCodes(wanted)
            if len(self._names) > _MAX_NAMES:
                self._names.popitem(last=False)
        self._names.move_to_end(key)
        return self._names[key]

    def _aged(self, question: Question, rows: Rows, found: list[Ids]) -> list[Ids]:
        ages = Ages(self.hosts, question, rows)
        aged: list[Ids] = []
        for fact, ids in zip(question.facts, found, strict=True):
            expired, stale = ages.too_old(fact)
            if stale.any():
                ids = np.where(stale, self.outcomes.aged(ids, expired=False), ids)  # noqa: PLW2901
            if expired.any():
                before = found[len(aged)]
                ids = np.where(expired, self.outcomes.aged(before, expired=True), ids)  # noqa: PLW2901
            aged.append(ids)
        return aged


class Ages:
    """How old the hosts' parts are, and what that means."""

    def __init__(self, hosts: Hosts, question: Question, rows: Rows) -> None:
        self._hosts = hosts
        self._question = question
        self._rows = rows
        received = np.array([host.received for row in rows.tolist() if (host := hosts.rows[row])])
        self._since = np.maximum(question.now - received, 0.0)
        bounds = bounds_of(question.case.policy.freshness)
        self._bounds = {
            each: (bound.fresh_seconds, bound.stale_seconds) for each, bound in bounds.items()
        }
        self._parts = {part: place for place, part in enumerate(hosts.parts)}
        self._known: dict[object, tuple[NDArray[np.float64], float, float]] = {}

    def of(self, fact: Fact) -> list[tuple[NDArray[np.float64] | float, float, float]]:
        """Return the age of each of a fact's inputs with the bounds for it, fresh and stale."""
        found: list[tuple[NDArray[np.float64] | float, float, float]] = []
        for path in fact.ageing:
            if path.root == "destination":
                if path.volatility in self._bounds:
                    found.append(self._of_part(path.part or "", path.volatility))
            elif (own := self._question.own_ages[path]) is not None:
                found.append((own.seconds, own.fresh_seconds, own.stale_seconds))
        return found

    def too_old(self, fact: Fact) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return for which rows an input is too old to tell, and for which it is old."""
        expired = np.zeros(len(self._rows), np.bool_)
        stale = np.zeros(len(self._rows), np.bool_)
        for seconds, fresh, most in self.of(fact):
            expired |= seconds > most
            stale |= seconds > fresh
        return expired, stale

    def _of_part(self, part: str, volatility: int) -> tuple[NDArray[np.float64], float, float]:
        key = part, volatility
        if key not in self._known:
            place = self._parts.get(part)
            then = np.zeros(len(self._rows))
            if place is not None:
                then = np.nan_to_num(self._hosts.ages[self._rows, place])
            self._known[key] = (then + self._since, *self._bounds[volatility])  # type: ignore[index]
        return self._known[key]


class _Asked:
    """The facts themselves, asked about single hosts."""

    def __init__(self, fleet: Fleet, question: Question, hosts: Sequence[FleetHost]) -> None:
        self._fleet = fleet
        self._question = question
        self.hosts = hosts
        self._evaluations: dict[int, Evaluation] = {}

    def id(self, fact: Fact, place: int) -> int:
        evaluation = self._evaluations.get(place)
        if evaluation is None:
            case = self._question.with_host(self.hosts[place])
            evaluation = self._evaluations[place] = Evaluation(case)
        return self._fleet.outcomes.of(fact.id, evaluation.caught(fact))


def _measured_ages(
    question: Question, hosts: Sequence[FleetHost]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    errors = np.array([bool(each.error) for each in hosts], np.int64)
    return errors, np.array([max(question.now - each.received, 0.0) for each in hosts])


def _measured_clocks(
    question: Question, hosts: Sequence[FleetHost]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    own, uncertainty = question.source_clock
    known = np.array([own is not None and each.clock_offset_seconds is not None for each in hosts])
    apart = [
        max(
            abs((each.clock_offset_seconds or 0.0) - (own or 0.0))
            - (uncertainty + each.clock_uncertainty_seconds),
            0.0,
        )
        for each in hosts
    ]
    return known.astype(np.int64), np.where(known, np.array(apart), 0.0)


_MEASURES = {Measure.AGE: _measured_ages, Measure.CLOCK: _measured_clocks}
