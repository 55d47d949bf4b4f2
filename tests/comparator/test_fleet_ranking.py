"""A fleet's ranking is what the verdicts of all pairs amount to."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from tests.bench.made_fleet import made_fleet, made_vm
from tests.comparator.builders import migration
from vmfit.v1.case_pb2 import SnapshotAges
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.fleet.fleet import Fleet
from vmfit_comparator.fleet.question import Question
from vmfit_comparator.fleet.ranking import rank
from vmfit_comparator.hosts.vms import without_host_paths
from vmfit_comparator.policies.policy import built_in_policy, resolve_policy
from vmfit_comparator.policies.verdict import judge

_NOW = 1_000_000.0
_FACTS = list(BUILT_IN.values())


def question_about(number, source, policy):
    guest = made_vm(number)
    case = replace(
        migration(),
        source=source,
        destination=Snapshot(),
        vm=guest,
        incoming=without_host_paths(guest),
        policy=policy.message,
        probes=ProbeAnswers(not_asked="many hosts are ranked"),
        ages=SnapshotAges(),
    )
    return Question(case, _FACTS, _NOW, source_clock=(0.0, 0.001))


def assert_as_pairs(fleet, question, policy):
    ranking = rank(fleet, question, policy)
    firsts = Counter()
    for place, name in enumerate(ranking.names):
        case = question.with_host(fleet.hosts.rows[fleet.hosts.row_of[name]])
        verdict = judge(evaluate(_FACTS, case), policy)
        assert bool(ranking.acceptable[place]) == verdict.acceptable, name
        assert ranking.answers[place] == verdict.answer, (name, verdict.summary)
        assert ranking.scores[place] == pytest.approx(verdict.score), name
        firsts.update(verdict.blockers[:1])
    assert {each.fact: each.count for each in ranking.why_not} == firsts
    return ranking


@pytest.mark.parametrize("name", ["default", "conservative", "permissive"])
def test_a_made_fleet_is_ranked_as_its_pairs_are_judged(name):
    policy = resolve_policy(built_in_policy(name), BUILT_IN)
    fleet = Fleet(_FACTS)
    hosts = dict(made_fleet(24))
    chance = random.Random(name)
    for host, snapshot in hosts.items():
        age = chance.choice((1.0, 30.0, 200.0, 5000.0))
        error = chance.choice(("", "", "", "no answer within 5 s"))
        fleet.hosts.put(host, snapshot, _NOW - age, clock=(0.01, 0.001), error=error)
    for number in (1, 3):
        assert_as_pairs(fleet, question_about(number, hosts["host000000"], policy), policy)


def test_what_changes_and_goes_counts_in_the_next_ranking():
    policy = resolve_policy(Policy(extends="default"), BUILT_IN)
    fleet = Fleet(_FACTS)
    hosts = dict(made_fleet(8))
    for host, snapshot in hosts.items():
        fleet.hosts.put(host, snapshot, _NOW)
    question = question_about(3, hosts["host000000"], policy)
    assert_as_pairs(fleet, question, policy)
    gone = hosts.pop("host000003")
    fleet.hosts.remove("host000003")
    full = hosts["host000005"]
    full.memory.available_bytes = 1 << 20
    full.network.interfaces.add(name="br-new", type="bridge", up=True)
    fleet.hosts.put("host000005", full, _NOW)
    ranking = assert_as_pairs(fleet, question, policy)
    assert sorted(ranking.names) == sorted(hosts)
    gone.identity.hostname = "another"
    fleet.hosts.put("another", gone, _NOW)
    assert "another" in assert_as_pairs(fleet, question, policy).names


def test_a_fleet_without_hosts_has_none_to_rank():
    policy = resolve_policy(Policy(extends="default"), BUILT_IN)
    ranking = rank(Fleet(_FACTS), question_about(1, Snapshot(), policy), policy)
    assert not ranking.names
    assert not ranking.why_not
