"""Rules that hold for every built-in fact, over the rows of all test_facts_*.py."""

import inspect
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.comparator.builders import assign, finding, migration
from tests.comparator.healthy import FEATURES
from tests.comparator.rows import ROWS, WITH_ROWS, repeated
from tests.comparator.tables import case_of
from vmfit.v1.finding_pb2 import Answer, Quality
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.evaluation.field_path import ROOTS, FieldPath
from vmfit_comparator.facts import BUILT_IN

FACTS = list(BUILT_IN)
CASES = [pytest.param(name, row, id=f"{name}: {row[0]}") for name, row in WITH_ROWS]
# What facts do not declare yet.
_UNDECLARED = ("options", "policy", "clock", "ages")
# Asking for another host or another domain is the point of these.
NOT_REFLEXIVE = {"host.same_machine", "domain.name_uuid", "net.host_name"}


@pytest.mark.parametrize("name", FACTS)
def test_declaration(name):
    fact = BUILT_IN[name]
    assert re.fullmatch(r"[a-z]+\.[a-z_0-9]+", fact.id)
    assert fact.question.endswith("?")
    assert fact.consequence
    rule, _, source = fact.description.partition("Source:")
    assert re.search(r"\b(YES|NO)\b", rule), "the docstring states no rule"
    assert source.strip(), "the docstring names no source"
    check = fact.check.func if fact.way_back else fact.check
    source_text = inspect.getsource(check)
    function = source_text[source_text.index("\ndef ") + 1 :]
    assert len(function.splitlines()) <= 40, "what decides a fact is read at a glance"


@pytest.mark.parametrize("fact", FACTS)
def test_healthy_hosts_say_yes(fact):
    found = finding(fact, migration())
    assert (found.answer, found.quality) == (Answer.ANSWER_YES, Quality.QUALITY_NATIVE), found


@pytest.mark.parametrize("fact", FACTS)
def test_rows_cover_the_answers(fact):
    assert fact in ROWS, "its rows are in no TABLES"
    given = {row[2] for row in ROWS[fact]}
    assert "YES" in given
    assert given - {"YES", "NO_IDEA"}, "no row where it does not say yes"
    if any(path.part for path in BUILT_IN[fact].needs):
        assert "NO_IDEA" in given


def test_a_row_belongs_to_a_fact():
    assert set(ROWS) <= set(BUILT_IN)


@pytest.mark.parametrize("fact", FACTS)
def test_every_row_has_a_name_of_its_own(fact):
    assert not repeated(ROWS[fact])


@pytest.mark.parametrize(("fact", "row"), CASES)
def test_declared_paths_are_all_that_counts(fact, row):
    case = case_of(row)
    whole = finding(fact, case)
    for root, message in _roots(case).items():
        tree = _tree(path for path in _paths(fact) if path.root == root)
        for path in BUILT_IN[fact].needs:
            if path.root == root and path not in BUILT_IN[fact].values:
                tree.setdefault(path.steps[0].name, {"nothing of it": {}})
        if root in {"source", "destination"}:
            tree |= {"parts": {}, "taken_at": {}}
        _prune(message, tree)
    pruned = finding(fact, case)
    assert (pruned.answer, pruned.reason) == (whole.answer, whole.reason)


@pytest.mark.parametrize(("fact", "row"), CASES)
def test_evaluation_changes_nothing(fact, row):
    case = case_of(row)
    before = {name: each.SerializeToString() for name, each in _roots(case).items()}
    finding(fact, case)
    assert {name: each.SerializeToString() for name, each in _roots(case).items()} == before


@pytest.mark.parametrize(("fact", "row"), CASES)
def test_a_reason_and_a_consistent_finding(fact, row):
    found = finding(fact, case_of(row))
    assert found.reason
    assert not found.error
    assert bool(found.quality) == (found.answer >= Answer.ANSWER_PROBABLY_YES)


@pytest.mark.parametrize(("fact", "row"), CASES)
def test_who_is_not_sure_says_how_likely(fact, row):
    found = finding(fact, case_of(row))
    if found.answer == Answer.ANSWER_PROBABLY_YES:
        assert 0.5 < found.probability < 1
    elif found.answer == Answer.ANSWER_PROBABLY_NO:
        assert 0 < found.probability < 0.5
    else:
        assert not found.HasField("probability")


@pytest.mark.parametrize(("fact", "row"), CASES)
def test_without_an_input_there_is_no_idea(fact, row):
    for path in BUILT_IN[fact].needs:
        case = case_of(row)
        if finding(fact, case).not_applicable or not _clear(case, path):
            continue
        cleared = finding(fact, case)
        assert cleared.not_applicable or cleared.answer == Answer.ANSWER_NO_IDEA, path.text


@pytest.mark.parametrize("fact", [each for each in FACTS if each not in NOT_REFLEXIVE])
def test_a_host_fits_itself(fact):
    case = migration()
    case.destination.CopyFrom(case.source)
    assert finding(fact, case).answer >= Answer.ANSWER_PROBABLY_YES


_NAMES = st.sets(st.sampled_from([*FEATURES, "avx512f", "vmx", "ht", "fsrm", "sse4_2"]))


@settings(max_examples=60, deadline=None)
@given(guest=_NAMES, there=_NAMES, more=_NAMES, processor=st.booleans())
def test_more_features_there_never_worsen(guest, there, more, processor):
    def answer(features):
        changes = {
            "vm.cpu.expanded_features": sorted(guest),
            "destination.cpu.features": sorted(features),
        }
        capabilities = "destination.hypervisor.connections[0].domain_capabilities"
        if processor:
            changes[capabilities] = []
        else:
            changes[f"{capabilities}[0].host_model.features"] = sorted(features)
        return finding("cpu.features", migration(changes)).answer

    assert answer({"fpu"} | there | more) >= answer({"fpu"} | there)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_cleared_field_leaves_an_answer(data):
    case = migration()
    root = data.draw(st.sampled_from(["source", "destination", "vm", "incoming"]))
    message = getattr(case, root)
    while True:
        field = data.draw(st.sampled_from([each for each, _ in message.ListFields()]))
        values = getattr(message, field.name)
        nested = field.message_type is not None and not field.message_type.GetOptions().map_entry
        if not nested or data.draw(st.booleans()):
            break
        inner = values[0] if field.is_repeated else values
        if not inner.ListFields():
            break
        message = inner
    message.ClearField(field.name)
    errors = [each for each in evaluate(BUILT_IN.values(), case) if each.error]
    assert not errors


def _roots(case: Case):
    return {root: getattr(case, root) for root in ROOTS if root not in _UNDECLARED}


def _paths(fact):
    return BUILT_IN[fact].values


def _tree(paths):
    """Join paths into nested dictionaries; an empty one keeps everything below."""
    tree: dict = {}
    whole = []
    for path in sorted(paths, key=lambda each: len(each.steps)):
        names = [step.name for step in path.steps]
        if any(names[: len(each)] == each for each in whole):
            continue
        whole.append(names)
        branch = tree
        for name in names:
            branch = branch.setdefault(name, {})
    return tree


def _prune(message, tree):
    for field, value in message.ListFields():
        if field.name not in tree:
            message.ClearField(field.name)
        elif tree[field.name]:
            for element in value if field.is_repeated else [value]:
                _prune(element, tree[field.name])


def _clear(case: Case, path: FieldPath) -> bool:
    """Clear the first field on the path whose absence shows; False when there is none."""
    names = []
    for step in path.steps:
        if step.repeated:
            return False
        names.append(step.name)
        if step.tracks_presence:
            assign(getattr(case, path.root), ".".join(names), None)
            return True
    return False
