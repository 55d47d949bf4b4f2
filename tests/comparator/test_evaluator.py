"""The evaluator: presence, freshness, isolation; and rules that every built-in fact keeps."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.comparator.builders import migration
from tests.comparator.made_facts import made
from vmfit.v1.finding_pb2 import Answer, Quality
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.evaluation.field_path import FieldPath
from vmfit_comparator.evaluation.result import (
    joined,
    no,
    no_idea,
    not_applicable,
    probably_yes,
    yes,
)
from vmfit_comparator.facts import BUILT_IN

FREE = "destination.memory.available_bytes"


def _fact(check=lambda _: yes("fine"), **declared):
    return made("test.one", **declared)(check)


def _one(declared, case):
    (finding,) = evaluate([declared], replace(case), datetime(2026, 1, 1, tzinfo=UTC))
    return finding


def _name(finding):
    return Answer.Name(finding.answer).removeprefix("ANSWER_")


def test_all_reads_are_named_at_once():
    case = migration({"destination.memory.available_bytes": None, "vm.cpu.model": None})
    finding = _one(_fact(needs=(FREE, "vm.cpu.model", "vm.name")), case)
    assert _name(finding) == "NO_IDEA"
    assert list(finding.missing) == [FREE, "vm.cpu.model"]
    assert finding.reason == f"{FREE} is not known; vm.cpu.model is not known"
    assert not finding.evidence


def test_absent_part_is_named_with_the_collectors_error():
    case = migration({"destination.memory": None})
    status = next(each for each in case.destination.parts if each.name == "memory")
    status.error = "/proc/meminfo: no such file"
    finding = _one(_fact(needs=(FREE,)), case)
    assert list(finding.missing) == ["destination.memory"]
    assert "(/proc/meminfo: no such file)" in finding.reason


def test_unreachable_agent_is_named():
    case = migration({"destination.memory": None, "ages.destination_error": "refused"})
    assert "(destination's agent: refused)" in _one(_fact(needs=(FREE,)), case).reason


def test_elements_of_lists_are_named_by_key():
    case = migration({"destination.numa.nodes[1].free_bytes": None})
    finding = _one(_fact(needs=("destination.numa.nodes.free_bytes",)), case)
    assert list(finding.missing) == ["destination.numa.nodes[1].free_bytes"]


@pytest.mark.parametrize(
    ("changes", "applies"),
    [
        ({}, True),
        ({"vm.disks": []}, False),
        ({"vm.disks": [], "vm.cpu": None}, False),
    ],
)
def test_applies_if_something_is_there(changes, applies):
    declared = _fact(applies_if=("vm.disks", "vm.memory.locked"))
    finding = _one(declared, migration(changes))
    assert finding.not_applicable != applies
    assert _name(finding) == "YES"
    if not applies:
        assert finding.reason == "does not apply: the VM has no disks or memory.locked"


def test_why_a_fact_does_not_apply():
    declared = _fact(
        applies_if=("vm.tpms", "incoming.tpms", "options.tls", "destination.attributes.values")
    )
    assert _one(declared, migration({"destination.attributes": {}})).reason == (
        "does not apply: the VM has no tpms, the options do not ask for tls, "
        "the destination has no attributes.values"
    )


def test_a_missing_part_is_no_reason_not_to_apply():
    declared = _fact(applies_if=("destination.network.ovs_bridges",))
    assert _one(declared, migration({"destination.network.ovs_bridges": []})).not_applicable
    finding = _one(declared, migration({"destination.network": None}))
    assert _name(finding) == "NO_IDEA"
    assert list(finding.missing) == ["destination.network"]


@pytest.mark.parametrize(
    ("age", "outcome", "answer", "probability"),
    [
        (59, yes("fine"), "YES", None),
        (61, yes("fine"), "PROBABLY_YES", 0.9),
        (601, yes("fine"), "NO_IDEA", None),
        (61, no("bad"), "PROBABLY_NO", 0.1),
        (601, no("bad"), "NO_IDEA", None),
        (61, probably_yes("maybe", probability=0.7), "PROBABLY_YES", 0.7),
        (601, probably_yes("maybe"), "NO_IDEA", None),
        (61, no_idea("who knows"), "NO_IDEA", None),
        (601, not_applicable("none"), "YES", None),
    ],
)
def test_staleness_degrades(age, outcome, answer, probability):
    case = migration({"ages.destination_seconds": age})
    finding = _one(_fact(lambda _: outcome, needs=(FREE,)), case)
    assert _name(finding) == answer
    assert outcome.reason in finding.reason
    if probability is not None:
        assert finding.probability == pytest.approx(probability)
    if answer == "NO_IDEA" and age > 600:
        assert list(finding.missing) == [FREE]
        assert finding.quality == Quality.QUALITY_UNSPECIFIED


def test_only_what_is_read_counts_and_each_by_its_own_volatility():
    case = migration({"ages.destination_seconds": 3000})
    assert _name(_one(_fact(needs=("destination.cpu.vendor",)), case)) == "YES"
    assert _name(_one(_fact(needs=("source.memory.available_bytes",)), case)) == "YES"
    assert _name(_one(_fact(needs=("vm.name",)), case)) == "YES"
    assert _name(_one(_fact(reads=(FREE,)), case)) == "NO_IDEA"
    # Total memory is fixed while the host runs, though it lies in a volatile part.
    assert _name(_one(_fact(needs=("destination.memory.total_bytes",)), case)) == "YES"


def test_an_expired_input_outweighs_one_that_is_stale_for_longer():
    case = migration(
        {
            "policy.freshness.slow_fields": {"fresh_seconds": 0, "stale_seconds": 10_000},
            "ages.destination_seconds": 700,
        },
    )
    declared = _fact(needs=("destination.network.interfaces", FREE))
    assert _name(_one(declared, case)) == "NO_IDEA"


def test_a_recorded_vm_is_as_old_as_its_domains_part():
    declared = _fact(needs=("vm.state",))
    for recorded, answer in ((True, "NO_IDEA"), (False, "YES")):
        case = migration({"ages.vm_from_snapshot": recorded, "ages.source_seconds": 3000})
        status = case.source.parts.add(name="domains", digest="00")
        status.collected_at.CopyFrom(case.source.taken_at)
        assert _name(_one(declared, case)) == answer


@pytest.mark.parametrize("known", ["nothing", "all but when"])
def test_a_part_that_does_not_say_its_age_is_as_old_as_its_snapshot(known):
    ages = {"destination_seconds": 61, "source_seconds": 3000, "vm_from_snapshot": True}
    case = migration({f"ages.{name}": value for name, value in ages.items()})
    for snapshot in (case.source, case.destination):
        del snapshot.parts[:]
        if known == "all but when":
            for name in ("memory", "domains"):
                snapshot.parts.add(name=name, digest="00")
    assert _name(_one(_fact(needs=(FREE,)), case)) == "PROBABLY_YES"
    assert _name(_one(_fact(needs=("vm.state",)), case)) == "NO_IDEA"


def test_valid_until():
    case = migration({"ages.destination_seconds": 20})
    finding = _one(_fact(needs=(FREE, "source.cpu.vendor")), case)
    assert finding.valid_until.ToDatetime(UTC) == datetime(2026, 1, 1, 0, 0, 40, tzinfo=UTC)
    assert not _one(_fact(needs=("vm.name",)), case).HasField("valid_until")


def test_evidence():
    case = migration({"destination.cpu.features": [str(each) for each in range(20)]})
    declared = _fact(
        lambda _: yes("fine", evidence={"destination.x[y]": "7"}),
        needs=("destination.cpu.features", "vm.name", "vm.disks.target", "vm.memory"),
        reads=("vm.memory.locked", "destination.clock.daemon"),
    )
    case.destination.clock.ClearField("daemon")
    evidence = {each.path: each.value for each in _one(declared, case).evidence}
    assert evidence == {
        "destination.cpu.features": "20 entries",
        "vm.name": case.vm.name,
        "vm.disks.target": ", ".join(each.target for each in case.vm.disks),
        "vm.memory": "present",
        "vm.memory.locked": "false",
        "destination.x[y]": "7",
    }


def test_a_failing_fact_is_a_bug_of_its_own(caplog):
    def broken(_):
        raise ValueError("two\nlines")

    good, bad = _fact(), _fact(broken)
    first, second = evaluate([bad, good], migration())
    assert _name(first) == "NO_IDEA"
    assert first.error.startswith("ValueError")
    assert "report it" in first.reason
    assert _name(second) == "YES"
    assert "test.one failed" in caplog.text


def test_subjects():
    outcome = joined({"vda": yes("here"), "vdb": no("gone")})
    finding = _one(_fact(lambda _: outcome), migration())
    assert _name(finding) == "NO"
    assert [(each.subject, _name(each)) for each in finding.subjects] == [
        ("vda", "YES"),
        ("vdb", "NO"),
    ]


def test_subjects_with_one_reason_share_one_cause():
    alike = {
        name: probably_yes("NFS may differ", probability=0.9) for name in ("vda", "vdb", "vdc")
    }
    assert joined(alike).probability == 0.9
    assert joined(alike | {"vdd": yes("here")}).probability == 0.9
    other = {"vde": probably_yes("a USB disk", probability=0.5)}
    assert joined(alike | other).probability == pytest.approx(0.45)
    assert joined(alike | {"vdf": no("gone")}).probability is None


# Rules for every fact of the catalogue.


def _cleared(case, path: FieldPath):
    """Clear what a path leads to, or the nearest message above that can be absent."""
    names = [step.name for step in path.steps]
    for length in range(len(names), 0, -1):
        step = path.steps[length - 1]
        if step.tracks_presence:
            return _clear(getattr(case, path.root), path.steps[:length])
    return False


def _clear(message, steps):
    step, *rest = steps
    if not rest:
        present = message.HasField(step.name)
        message.ClearField(step.name)
        return present
    if step.repeated:
        cleared = [_clear(each, rest) for each in getattr(message, step.name)]
        return any(cleared)
    return message.HasField(step.name) and _clear(getattr(message, step.name), rest)


@pytest.mark.parametrize("declared", BUILT_IN.values(), ids=BUILT_IN)
def test_clearing_a_declared_read_gives_no_idea(declared):
    before = _one(declared, migration())
    for path in declared.needs:
        case = migration()
        if not _cleared(case, path):
            continue
        finding = _one(declared, case)
        assert not finding.error
        if not (before.not_applicable or finding.not_applicable):
            assert _name(finding) == "NO_IDEA", path.text
            assert finding.missing


@pytest.mark.parametrize("declared", BUILT_IN.values(), ids=BUILT_IN)
def test_evaluation_leaves_its_input_alone(declared):
    case = migration()
    messages = (case.source, case.destination, case.vm, case.incoming, case.options, case.policy)
    before = [each.SerializeToString(deterministic=True) for each in messages]
    _one(declared, case)
    assert [each.SerializeToString(deterministic=True) for each in messages] == before


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 10_000_000), st.floats(0, 10_000_000))
def test_age_never_makes_an_answer_firmer(source_age, destination_age):
    fresh = evaluate(BUILT_IN.values(), migration())
    old = evaluate(
        BUILT_IN.values(),
        migration({"ages.source_seconds": source_age, "ages.destination_seconds": destination_age}),
    )
    for before, after in zip(fresh, old, strict=True):
        firm = abs(before.answer - Answer.ANSWER_NO_IDEA)
        assert abs(after.answer - Answer.ANSWER_NO_IDEA) <= firm, before.fact
        assert (after.answer - Answer.ANSWER_NO_IDEA) * (before.answer - Answer.ANSWER_NO_IDEA) >= 0


@pytest.mark.parametrize("side", ["source", "destination"])
def test_an_unreachable_host_never_gives_a_wrong_no(side):
    case = migration({f"ages.{side}_error": "refused"})
    getattr(case, side).Clear()
    for finding in evaluate(BUILT_IN.values(), case):
        assert not finding.error
        if finding.fact != "host.reachable":
            assert finding.answer not in (Answer.ANSWER_NO, Answer.ANSWER_PROBABLY_NO), finding
