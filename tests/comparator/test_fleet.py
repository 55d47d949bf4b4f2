"""What a fleet answers is what each pair of hosts answers, fact by fact."""

from dataclasses import replace

import numpy as np
import pytest

from tests.comparator.builders import migration
from tests.comparator.rows import ROWS
from tests.comparator.tables import case_of
from vmfit.v1.case_pb2 import SnapshotAges
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.evaluator import Evaluation, degraded
from vmfit_comparator.evaluation.freshness import PartAges
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.fleet.fleet import Fleet
from vmfit_comparator.fleet.outcomes import Outcomes
from vmfit_comparator.fleet.question import Question

_NOW = 1_000_000.0


def fleet_of(cases, facts):
    """A fleet of the destinations of cases, as their clocks and ages have them."""
    fleet = Fleet(facts)
    for index, case in enumerate(cases):
        known = case.clock.HasField("difference_seconds")
        fleet.hosts.put(
            f"host{index}",
            case.destination,
            _NOW - case.ages.destination_seconds,
            clock=(
                case.clock.difference_seconds if known else None,
                case.clock.uncertainty_seconds,
            ),
            error=case.ages.destination_error,
        )
    return fleet


def question_of(case, facts):
    """What a case asks, of whatever destination."""
    ages = SnapshotAges()
    ages.CopyFrom(case.ages)
    ages.ClearField("destination_seconds")
    ages.ClearField("destination_error")
    blank = replace(case, destination=Snapshot(), ages=ages)
    return Question(blank, facts, _NOW, source_clock=(0.0, 0.0))


def pairwise(fact, case):
    """The outcome of one pair, without a fleet."""
    result = Evaluation(case).caught(fact)
    assert not isinstance(result, str), result
    outcomes = Outcomes()
    outcome = outcomes.all[outcomes.of(fact.id, result)]
    if outcome.ages:
        aged = degraded(
            result._replace(probability=outcome.probability), PartAges(case).oldest(fact.ageing)
        )
        outcome = outcomes.all[outcomes.of("", aged)]
    return outcome._replace(ages=True)


def some(cases, count):
    """So many of the cases, from the first to the last."""
    return cases[:: -(-len(cases) // count)]


def assert_equal(fleet, question):
    rows = np.array(sorted(fleet.hosts.row_of.values()))
    hosts = [fleet.hosts.rows[row] for row in rows]
    for fact, ids in zip(question.facts, fleet.answers(question, rows), strict=True):
        for host, number in zip(hosts, ids.tolist(), strict=True):
            expected = pairwise(fact, question.with_host(host))
            found = fleet.outcomes.all[number]._replace(ages=True)
            assert found == expected, f"{fact.id} of {host.name}"


@pytest.mark.parametrize("fact", BUILT_IN)
def test_every_row_of_a_fact_beside_every_host_of_its_rows(fact):
    facts = [BUILT_IN[fact]]
    cases = [migration(), *map(case_of, ROWS[fact])]
    fleet = fleet_of(some(cases, 24), facts)
    for case in some(cases, 8):
        assert_equal(fleet, question_of(case, facts))
