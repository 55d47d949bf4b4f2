"""Policies: strict reading, extension, the most specific rule, user facts in CEL."""

import math

import pytest

from tests.comparator.builders import migration
from vmfit.v1.finding_pb2 import Answer, Quality
from vmfit.v1.policy_pb2 import FactRule, FreshnessBound, Margins, Policy
from vmfit_comparator import Engine
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.policies.policy import (
    BUILT_IN_NAMES,
    built_in_policy,
    resolve_policy,
    select_facts,
)
from vmfit_comparator.policies.policy_error import PolicyError
from vmfit_comparator.policies.policy_file import parse_policy, read_policy, read_policy_file


def _resolve(text):
    return resolve_policy(parse_policy(text), BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN_NAMES)
def test_built_in_policies_are_whole(name):
    policy = resolve_policy(built_in_policy(name), BUILT_IN).message
    assert policy.name == name
    assert policy.description
    for field in Margins.DESCRIPTOR.fields:
        assert policy.margins.HasField(field.name)
    for field in policy.freshness.DESCRIPTOR.fields:
        bound = getattr(policy.freshness, field.name)
        assert 0 < bound.fresh_seconds <= bound.stale_seconds


def test_built_in_policies_differ_in_what_they_accept():
    minimum = {
        name: resolve_policy(built_in_policy(name), BUILT_IN).rules["time.skew"].minimum_answer
        for name in BUILT_IN_NAMES
    }
    assert minimum == {
        "conservative": Answer.ANSWER_YES,
        "default": Answer.ANSWER_PROBABLY_YES,
        "permissive": Answer.ANSWER_NO_IDEA,
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fcts: {}", "fcts: no such field"),
        ("facts: {cpu.featurs: {minimum_answer: YES}}", "facts.cpu.featurs: no such fact"),
        ("facts: {nothing.*: {skip: true}}", "facts.nothing.*: no such fact"),
        ("facts: {time.skew: {minimum_answer: MAYBE}}", "facts.time.skew.minimum_answer: 'MAYBE'"),
        ("facts: {time.skew: {minimum_answer: true}}", "facts.time.skew.minimum_answer: True"),
        ("facts: {time.skew: {minimum_anser: NO}}", "facts.time.skew.minimum_anser: no such field"),
        ("facts: {time.skew: YES}", "facts.time.skew: must have fields"),
        ("facts: {time.skew: {advisory: maybe}}", "facts.time.skew.advisory: must be true or"),
        ("facts: [1]", "facts: must have fields"),
        ("extends: strict", "extends: 'strict' is not built in"),
        ("margins: {memory_ratio: -1}", "margins.memory_ratio: -1"),
        ("margins: {memory_ratio: .nan}", "margins.memory_ratio: nan"),
        ("margins: {memory_ratio: '1.2'}", "margins.memory_ratio: must be a number"),
        ("margins: {memory_overhead_bytes: 1.5}", "margins.memory_overhead_bytes: must be a whole"),
        ("margins: {memory_overhead_bytes: -1}", "margins.memory_overhead_bytes: -1"),
        (
            "freshness: {slow_fields: {fresh_seconds: 5 weeks, stale_seconds: 1}}",
            "freshness.slow_fields.fresh_seconds: '5 weeks' is no duration",
        ),
        (
            "freshness: {slow_fields: {fresh_seconds: 5m}}",
            "freshness.slow_fields.stale_seconds: must be there",
        ),
        ("user_facts: [{id: rack}]", "user_facts[0].id: 'rack'"),
        (
            "user_facts: [{id: time.skew, expression: 'true'}]",
            "user_facts[0].id: time.skew is taken",
        ),
        ("user_facts: [{id: a.b}]", "user_facts[0].expression: is empty"),
        ("user_facts: [{id: a.b, expression: '1 +'}]", "user_facts[0].expression: at 1:4"),
        (
            "user_facts: [{id: a.b, expression: source.cpu.vendr == 'x'}]",
            "user_facts[0].expression: at 1:11: undefined field 'vendr'",
        ),
        (
            "user_facts: [{id: a.b, expression: source.memory.free_bytes > 1}]",
            "user_facts[0].expression: at 1:26: found no matching overload",
        ),
        ("user_facts: [{id: a.b, expression: vm}]", "user_facts[0].expression: gives vmfit.v1.Vm"),
        (
            "user_facts: [{id: a.b, expression: 'true', applies_if: '1'}]",
            "[0].applies_if: gives INT",
        ),
        (
            "user_facts: [{id: a.b, expression: 'true', reads: [vm.x]}]",
            "user_facts[0].reads[0]: vm.x",
        ),
        ("conditions: [{expression: 'true'}]", "conditions[0].name: ''"),
        ("conditions: [{name: a, expression: source.cpu}]", "conditions[0].expression: at"),
        ("conditions: [{name: a, expression: verdict.scre > 1.0}]", "undefined field 'scre'"),
        ("name: [a]", "name: must be a text"),
        ("name: a\nname: b", "line 2: 'name' is there twice"),
        ("a: &x [1]\nb: *x", "line 2: aliases are not used"),
        ("- 1", "not a mapping"),
        ("", "not a mapping"),
        ("{", "line 1: "),
    ],
)
def test_bad_policy(tmp_path, text, complaint):
    with pytest.raises(PolicyError) as caught:
        _resolve(text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text("facts: {time.*: {minimum_answer: NO}}")
    policy = read_policy(path)
    assert policy.name == "site"
    assert policy.facts["time.*"].minimum_answer == Answer.ANSWER_NO
    path.write_text("x: 1")
    with pytest.raises(PolicyError, match=r"site\.yaml:1: x: no such field"):
        read_policy(path)
    path.write_bytes(b"name: \xff")
    with pytest.raises(PolicyError, match=r"site\.yaml: not UTF-8"):
        read_policy(path)
    path.write_text("#" * 2_000_000)
    with pytest.raises(PolicyError, match=r"site\.yaml: larger than"):
        read_policy(path)
    with pytest.raises(PolicyError, match="none: No such file"):
        read_policy(tmp_path / "none")


def test_extension():
    policy = _resolve(
        "name: mine\nextends: conservative\nmargins: {memory_ratio: 3}\n"
        "freshness: {volatile_fields: {fresh_seconds: 7, stale_seconds: 8s}}"
    ).message
    base = resolve_policy(built_in_policy("conservative"), BUILT_IN).message
    assert policy.name == "mine"
    assert policy.margins.memory_ratio == 3
    assert policy.margins.storage_ratio == base.margins.storage_ratio
    assert policy.freshness.volatile_fields == FreshnessBound(fresh_seconds=7, stale_seconds=8)
    assert policy.freshness.slow_fields == base.freshness.slow_fields


def test_most_specific_rule_counts_field_by_field():
    policy = _resolve(
        """
        facts:
          time.skew: {minimum_answer: NO}
          time.*: {minimum_answer: YES, minimum_quality: NATIVE}
          "*": {advisory: true}
        """
    )
    assert policy.rules["time.skew"] == FactRule(
        minimum_answer=Answer.ANSWER_NO, minimum_quality=Quality.QUALITY_NATIVE, advisory=True
    )
    policy = _resolve("facts: {time.skew: {advisory: false}}")
    assert policy.rules["time.skew"].minimum_answer == Answer.ANSWER_PROBABLY_YES


def test_select_facts():
    facts = ["cpu.a", "cpu.b", "mem.a"]
    assert select_facts([], facts) == facts
    assert select_facts(["mem.a", "cpu.*"], facts) == facts
    assert select_facts(["*"], facts) == facts
    with pytest.raises(PolicyError, match=r"facts\[1\]: no such fact: 'cpu'"):
        select_facts(["cpu.a", "cpu"], facts)


def _user_answer(expression, changes=None, **fields):
    policy = Policy()
    policy.user_facts.add(id="site.x", expression=expression, **fields)
    fact = resolve_policy(policy, BUILT_IN).facts["site.x"]
    (finding,) = evaluate([fact], migration(changes))
    assert not finding.error
    return finding


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("source.identity.hostname != destination.identity.hostname", "YES"),
        ("source.identity.hostname == destination.identity.hostname", "NO"),
        ("'PROBABLY_NO'", "PROBABLY_NO"),
        ("vm.name == '' ? NO : PROBABLY_YES", "PROBABLY_YES"),
        ("'PERHAPS'", "NO_IDEA"),
        ("17", "NO_IDEA"),
        ("1 / 0 == 1", "NO_IDEA"),
        ("vm.disks.all(d, d.target.startsWith('vd'))", "YES"),
        (
            "size(destination.attributes.values) == 0 || 'rack' in destination.attributes.values",
            "YES",
        ),
        ("destination.attributes.values['rack'].row == 'a'", "NO_IDEA"),
        ("dyn(vm).nothing == 1", "NO_IDEA"),
        (
            "{n}.all(a,{n}.all(b,{n}.all(c,{n}.all(d,a==d||a!=d))))".format(n=list(range(30))),
            "NO_IDEA",
        ),
    ],
)
def test_user_facts(expression, answer):
    finding = _user_answer(expression, {"destination.attributes": {}})
    assert Answer.Name(finding.answer) == f"ANSWER_{answer}"
    assert finding.reason


def test_user_fact_never_takes_an_unset_field_for_zero():
    unset = {"destination.memory.available_bytes": None}
    finding = _user_answer("destination.memory.available_bytes < 5u", unset)
    assert finding.answer == Answer.ANSWER_NO_IDEA
    assert list(finding.missing) == ["destination.memory.available_bytes"]
    guarded = "!has(destination.memory.available_bytes) || destination.memory.available_bytes < 5u"
    assert _user_answer(guarded, unset).answer == Answer.ANSWER_YES
    finding = _user_answer("true", unset, applies_if="destination.memory.available_bytes > 5u")
    assert finding.answer == Answer.ANSWER_NO_IDEA
    assert _user_answer("false", applies_if="vm.name == 'x'").not_applicable


def test_user_fact_says_what_its_author_wrote():
    finding = _user_answer("false", reason_no="other rack", remedy="Move the rack")
    assert finding.reason == "other rack"
    assert [each.summary for each in finding.remedies] == ["Move the rack"]


@pytest.mark.parametrize("text", ["trueblue", "false alarm", "true-ish", "2026-11-30", "<<", "="])
def test_texts_that_yaml_takes_for_more(text):
    policy = parse_policy(f"name: {text}\nuser_facts: [{{id: a.b, reason_yes: {text}}}]")
    assert policy.name == text
    assert policy.user_facts[0].reason_yes == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: !!bool maybe", "line 1: tags are not used"),
        ("name: a\nmargins: !!int x", "line 2: tags are not used"),
        ("name: !!timestamp x", "line 1: tags are not used"),
        ("name: !!python/object:os.system x", "line 1: tags are not used"),
        ("margins: {memory_overhead_bytes: " + "9" * 5000 + "}", "not YAML: "),
        (
            "margins: {memory_overhead_bytes: 0x" + "f" * 5000 + "}",
            "margins.memory_overhead_bytes: a number of 20000 bits is out of range",
        ),
        ("margins: {memory_ratio: 0x" + "f" * 500 + "}", "margins.memory_ratio: a number of 2000"),
        ('name: "\\ud800"', "name: has a character that Unicode does not know"),
        ('facts: {"\\ud800": {skip: true}}', "facts: has a character that Unicode"),
        ("[" * 5000, "not YAML: "),
        ("? [a]\n: 1", "line 1: found unhashable key"),
    ],
)
def test_documents_that_mean_nothing(text, complaint):
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    assert str(caught.value).startswith(complaint)
    assert len(str(caught.value)) < 500


def test_errors_name_file_and_line(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(
        "name: site\n"
        "user_facts:\n"
        "- id: site.rack\n"
        "  expression: source.cpu.vendr == 'x'\n"
        "- id: site.row\n"
        "  expression: 'true'\n"
        "  reads:\n"
        "  - vm.nothing\n"
    )
    with pytest.raises(PolicyError) as caught, Engine(policies=[read_policy_file(path)]):
        pass
    assert str(caught.value).startswith(f"{path}:8: user_facts[1].reads[0]: vm.nothing")
    path.write_text(path.read_text().replace("  reads:\n  - vm.nothing\n", ""))
    with pytest.raises(PolicyError) as caught, Engine(policies=[read_policy_file(path)]):
        pass
    assert str(caught.value).startswith(f"{path}:4: user_facts[0].expression: at 1:11: undefined")
    path.write_text("name: site\nmargins:\n  memory_ratio: lots\n")
    with pytest.raises(PolicyError, match=r"site\.yaml:3: margins\.memory_ratio: must be a number"):
        read_policy(path)


def test_wanted_facts_have_bounds():
    with pytest.raises(PolicyError, match="facts: more than 1000"):
        select_facts(["cpu.a"] * 30_000, ["cpu.a"])
    with pytest.raises(PolicyError, match=r"facts\[0\]: is longer than 256 characters"):
        select_facts(["c" * 100_000], ["cpu.a"])


@pytest.mark.parametrize("name", ["maximum_total_seconds", "maximum_downtime_seconds"])
def test_limits_of_time(name):
    limited = resolve_policy(Policy(**{name: 3.0}), BUILT_IN).message
    assert getattr(limited, name) == 3
    assert not resolve_policy(Policy(), BUILT_IN).message.HasField(name)
    for wrong in (-1.0, math.inf, math.nan):
        with pytest.raises(PolicyError) as refused:
            resolve_policy(Policy(**{name: wrong}), BUILT_IN)
        assert refused.value.field == name
