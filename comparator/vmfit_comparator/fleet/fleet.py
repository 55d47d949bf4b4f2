"""Answers of all facts for one VM and all hosts: each fact is asked once for hosts alike."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.evaluator import Evaluation
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.freshness import bounds_of
from vmfit_comparator.evaluation.grouping import Measure
from vmfit_comparator.fleet.hosts import Hosts
from vmfit_comparator.fleet.names import NameCodes, Wanted
from vmfit_comparator.fleet.outcomes import Ids, Outcomes
from vmfit_comparator.fleet.question import Question
from vmfit_comparator.fleet.shapes import Wording
from vmfit_comparator.fleet.stored import StoredSnapshot
from vmfit_comparator.fleet.tables import Table, Thresholds

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]
Mask = tuple[Flags | None, Flags | None]
# Of one fact for one VM; a VM asks some forty.
_MAX_TABLES = 40_000
_MAX_NAMES = 1024
# Each has a number for every host.
_MAX_LAST = 4096
_MAX_QUESTIONS = 1024
# As many as there are kinds of hosts, with room.
_MAX_MESSAGES = 1024
Keys = dict[str, tuple[bytes | None, bool]]


class Fleet:
    """Hosts, and what is known of their answers. Safe to use from several threads."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.hosts = Hosts(facts)
        self.outcomes = Outcomes()
        self._tables: OrderedDict[tuple[str, bytes], Table | Thresholds] = OrderedDict()
        self._last: OrderedDict[tuple[str, bytes], tuple[int, Ids]] = OrderedDict()
        self._keys: OrderedDict[bytes, Keys] = OrderedDict()
        self._codes: OrderedDict[tuple[str, bytes], NameCodes] = OrderedDict()
        self._messages: OrderedDict[StoredSnapshot, Snapshot] = OrderedDict()
        self._names: OrderedDict[tuple[Wording, Wanted], NameCodes] = OrderedDict()

    def answers(self, question: Question, rows: Rows) -> list[Ids]:
        """Return, fact by fact, the outcome of each row; the lock of the hosts is held."""
        hosts = self.hosts
        hosts.settle()
        asked = _Asked(self, question)
        found = [self._ids(fact, rows, question, asked) for fact in question.facts]
        return self._aged(question, rows, found)

    def _ids(self, fact: Fact, rows: Rows, question: Question, asked: "_Asked") -> Ids:
        key, is_settled = self._keys_of(question)[fact.id]
        if key is None or fact.id not in self.hosts.facts:
            return np.array([asked.id(fact, each) for each in rows.tolist()], np.int32)
        if is_settled:
            return np.full(len(rows), asked.id(fact, int(rows[0])), np.int32)
        if (measure := fact.grouping.measure) is not None:
            flags, numbers = _MEASURES[measure](question, self.hosts.times[rows])
            groups = self.hosts.groups[fact.id].of_row[rows] << 1 | flags
            return Thresholds().ids(groups, numbers, lambda place: asked.id(fact, int(rows[place])))
        return self._remembered(
            fact, key, rows, lambda new: self._new(fact, key, new, question, asked)
        )

    def _remembered(
        self, fact: Fact, key: bytes, rows: Rows, work_out: Callable[[Rows], Ids]
    ) -> Ids:
        """Return the outcomes of rows; only of those that changed are they worked out."""
        hosts = self.hosts
        known = self._last.pop((fact.id, key), None)
        then, ids = known if known is not None else (0, np.zeros(0, np.int32))
        if len(ids) < len(hosts.changed):
            ids = np.concatenate([ids, np.full(len(hosts.changed) - len(ids), -1, np.int32)])
        new = rows[(hosts.changed[rows] > then) | (ids[rows] < 0)]
        # What was not asked for has to be worked out when it is.
        ids[np.nonzero(hosts.changed > then)[0]] = -1
        if len(new):
            ids[new] = work_out(new)
        self._last[fact.id, key] = hosts.version, ids
        if len(self._last) > _MAX_LAST:
            self._last.popitem(last=False)
        return ids[rows]

    def _new(self, fact: Fact, key: bytes, rows: Rows, question: Question, asked: "_Asked") -> Ids:
        hosts = self.hosts
        groups = hosts.groups[fact.id].of_row[rows]
        wording = hosts.wordings[fact.id]
        if wording.singles:
            codes = self._name_codes(fact, key, question)
            names = hosts.names[wording]
            groups = groups << 32 | codes.of(rows, names, hosts.changed, hosts.version)

        def ask(place: int) -> int:
            return asked.id(fact, int(rows[place]))

        table = self._table(fact, key)
        if isinstance(table, Thresholds):
            return table.ids(groups, hosts.numbers[fact.id][rows], ask)
        return table.ids(groups, ask)

    def _table(self, fact: Fact, key: bytes) -> Table | Thresholds:
        table = self._tables.get((fact.id, key))
        if table is None:
            table = Table() if fact.grouping.number is None else Thresholds()
            self._tables[fact.id, key] = table
            if len(self._tables) > _MAX_TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end((fact.id, key))
        return table

    def _keys_of(self, question: Question) -> Keys:
        # To look through all that a VM and its source are takes longer than all else.
        keys = self._keys.get(question.digest)
        if keys is None:
            keys = {
                each.id: (question.key(each), question.is_settled(each)) for each in question.facts
            }
            self._keys[question.digest] = keys
            if len(self._keys) > _MAX_QUESTIONS:
                self._keys.popitem(last=False)
        return keys

    def _name_codes(self, fact: Fact, key: bytes, question: Question) -> NameCodes:
        found = self._codes.get((fact.id, key))
        if found is None:
            same = self.hosts.wordings[fact.id], question.wanted(fact)
            found = self._names.setdefault(same, NameCodes(same[1]))
            if len(self._names) > _MAX_NAMES:
                self._names.popitem(last=False)
            self._codes[fact.id, key] = found
            if len(self._codes) > _MAX_TABLES:
                self._codes.popitem(last=False)
        return found

    def snapshot(self, stored: StoredSnapshot) -> Snapshot:
        """Return a host's snapshot as a message; those that are asked about often are at hand."""
        message = self._messages.pop(stored, None) or stored.message()
        self._messages[stored] = message
        if len(self._messages) > _MAX_MESSAGES:
            self._messages.popitem(last=False)
        return message

    def _aged(self, question: Question, rows: Rows, found: list[Ids]) -> list[Ids]:
        ages = Ages(self.hosts, question, rows)
        aged: list[Ids] = []
        for fact, ids in zip(question.facts, found, strict=True):
            expired, stale = ages.too_old(fact)
            now = ids
            if stale is not None:
                now = np.where(stale, self.outcomes.aged(ids, expired=False), now)
            if expired is not None:
                now = np.where(expired, self.outcomes.aged(ids, expired=True), now)
            aged.append(now)
        return aged


class Ages:
    """How old the hosts' parts are, and what that means."""

    def __init__(self, hosts: Hosts, question: Question, rows: Rows) -> None:
        self._hosts = hosts
        self._question = question
        self._rows = rows
        self._since = np.maximum(question.now - hosts.times[rows, 0], 0.0)
        bounds = bounds_of(question.case.policy.freshness)
        self._bounds = {
            each: (bound.fresh_seconds, bound.stale_seconds) for each, bound in bounds.items()
        }
        self._parts = {part: place for place, part in enumerate(hosts.parts)}
        self._known: dict[tuple[str, int], Mask] = {}

    def too_old(self, fact: Fact) -> Mask:
        """Return for which rows an input is too old to tell, and for which it is old.

        None stands for no row at all.
        """
        expired, stale = None, None
        for path in fact.ageing:
            if path.root == "destination":
                if path.volatility in self._bounds:
                    mask = self._of_part(path.part or "", path.volatility)
                    expired, stale = _either(expired, mask[0]), _either(stale, mask[1])
            elif (own := self._question.own_ages[path]) is not None and not own.is_fresh:
                every = np.ones(len(self._rows), np.bool_)
                expired = _either(expired, every if own.is_expired else None)
                stale = _either(stale, every)
        return expired, stale

    def _of_part(self, part: str, volatility: int) -> Mask:
        key = part, volatility
        if key not in self._known:
            place = self._parts.get(part)
            then = np.zeros(len(self._rows))
            if place is not None:
                then = np.nan_to_num(self._hosts.ages[self._rows, place])
            fresh, most = self._bounds[volatility]  # type: ignore[index]
            masks = [then + self._since > bound for bound in (most, fresh)]
            expired, stale = (each if each.any() else None for each in masks)
            self._known[key] = expired, stale
        return self._known[key]


def _either(one: Flags | None, other: Flags | None) -> Flags | None:
    if one is None or other is None:
        return other if one is None else one
    return np.logical_or(one, other)


class _Asked:
    """The facts themselves, asked about single hosts."""

    def __init__(self, fleet: Fleet, question: Question) -> None:
        self._fleet = fleet
        self._question = question
        self._evaluations: dict[int, Evaluation] = {}

    def id(self, fact: Fact, row: int) -> int:
        evaluation = self._evaluations.get(row)
        if evaluation is None:
            host = self._fleet.hosts.rows[row]
            assert host is not None
            case = self._question.with_host(host, self._fleet.snapshot(host.stored))
            evaluation = self._evaluations[row] = Evaluation(case)
        return self._fleet.outcomes.of(fact.id, evaluation.caught(fact))


def _measured_ages(
    question: Question, times: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return times[:, 3].astype(np.int64), np.maximum(question.now - times[:, 0], 0.0)


def _measured_clocks(
    question: Question, times: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    own, uncertainty = question.source_clock
    if own is None:
        return np.zeros(len(times), np.int64), np.zeros(len(times))
    known = ~np.isnan(times[:, 1])
    apart = np.maximum(np.abs(times[:, 1] - own) - (uncertainty + times[:, 2]), 0.0)
    return known.astype(np.int64), np.where(known, apart, 0.0)


_MEASURES = {Measure.AGE: _measured_ages, Measure.CLOCK: _measured_clocks}
