"""The policy that the documentation shows can be used as it stands."""

import re
from pathlib import Path

from tests.comparator.builders import migration
from vmfit.v1.finding_pb2 import Answer
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.policies.policy import BUILT_IN_NAMES, resolve_policy
from vmfit_comparator.policies.policy_file import parse_policy
from vmfit_comparator.policies.verdict import judge

TEXT = (Path(__file__).parents[2] / "docs/policies.md").read_text(encoding="utf-8")


def test_the_example_works():
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    policy = resolve_policy(parse_policy(example), BUILT_IN)
    case = migration({"vm.memory.maximum_bytes": 2**37})
    for host in (case.source, case.destination):
        host.attributes.values["rack"].update({"row": "7"})
    facts = [each for each in policy.facts.values() if not policy.rules[each.id].skip]
    findings = {each.fact: each for each in evaluate(facts, case)}
    assert findings["site.same_row"].answer == Answer.ANSWER_YES
    assert not findings["site.big_guest"].not_applicable
    assert "cpu.microcode" not in findings
    verdict = judge(list(findings.values()), policy)
    assert "sure-of-storage" not in verdict.blockers
    assert "few-warnings" not in verdict.blockers


def test_every_built_in_policy_is_described():
    assert all(f"| `{name}` |" in TEXT for name in BUILT_IN_NAMES)
