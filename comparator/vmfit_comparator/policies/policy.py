"""Policies: extended from the built-in ones, checked, and asked which rule counts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from vmfit.v1.policy_pb2 import FactRule, Policy
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.policies.cel.interpreter import Interpreter, shared_interpreter
from vmfit_comparator.policies.conditions import Conditions
from vmfit_comparator.policies.policy_checks import (
    MAX_IDENTIFIER_CHARACTERS,
    check_freshness,
    check_limits,
    check_margins,
    check_rules,
    check_sizes,
    known_patterns,
    patterns,
)
from vmfit_comparator.policies.policy_error import PolicyError
from vmfit_comparator.policies.policy_file import parse_policy
from vmfit_comparator.policies.user_facts import user_facts
from vmfit_contract.spelling import did_you_mean

BUILT_IN_NAMES = ("conservative", "default", "permissive")
_MAX_WANTED = 1000


@dataclass(frozen=True, slots=True)
class ResolvedPolicy:
    """A policy ready for use: extended, with every margin and bound set, expressions compiled."""

    message: Policy
    facts: Mapping[str, Fact]
    """The catalogue: built-in facts, then the policy's own."""
    rules: Mapping[str, FactRule]
    """What holds for each fact of the catalogue: the most specific pattern's word on each field."""
    conditions: Conditions


@cache
def built_in_policy(name: str) -> Policy:
    """Return a built-in policy as its file has it. Raises PolicyError for another name."""
    if name not in BUILT_IN_NAMES:
        raise PolicyError(
            "", f"no policy is called {name!r}; there are {', '.join(BUILT_IN_NAMES)}"
        )
    file = resources.files("vmfit_comparator.policies") / f"{name}.yaml"
    return parse_policy(file.read_text(encoding="utf-8"))


def resolve_policy(
    policy: Policy, catalogue: Mapping[str, Fact], interpreter: Interpreter | None = None
) -> ResolvedPolicy:
    """Check a policy, extend what it extends, compile its expressions. Raises PolicyError.

    `interpreter` evaluates the expressions; one that is shared by default.
    """
    check_sizes(policy)
    if policy.extends and policy.extends not in BUILT_IN_NAMES:
        names = ", ".join(BUILT_IN_NAMES)
        raise PolicyError("extends", f"{policy.extends!r} is not built in; there are {names}")
    check_margins(policy.margins)
    check_limits(policy)
    check_freshness(policy.freshness)
    interpreter = interpreter or shared_interpreter()
    facts = {**catalogue, **user_facts(policy, catalogue, interpreter)}
    check_rules(policy, facts)
    conditions = Conditions(policy.conditions, interpreter)
    whole = _extended(policy)
    rules = {fact_id: _rule(whole, fact_id) for fact_id in facts}
    return ResolvedPolicy(whole, MappingProxyType(facts), MappingProxyType(rules), conditions)


def select_facts(wanted: Collection[str], facts: Collection[str]) -> list[str]:
    """Return the ids that `wanted` names (ids or "area.*"), in the catalogue's order.

    All of them when `wanted` is empty. Raises PolicyError with the field "facts[INDEX]".
    """
    if len(wanted) > _MAX_WANTED:
        raise PolicyError("facts", f"more than {_MAX_WANTED}")
    matches: dict[str, set[str]] = {}
    for fact_id in facts if wanted else ():
        for pattern in patterns(fact_id):
            matches.setdefault(pattern, set()).add(fact_id)
    selected: set[str] = set()
    for index, each in enumerate(wanted):
        if len(each) > MAX_IDENTIFIER_CHARACTERS:
            complaint = f"is longer than {MAX_IDENTIFIER_CHARACTERS} characters"
            raise PolicyError(f"facts[{index}]", complaint)
        if each not in matches:
            hint = did_you_mean(each, known_patterns(facts))
            raise PolicyError(f"facts[{index}]", f"no such fact: {each[:100]!r}{hint}")
        selected |= matches[each]
    return [fact_id for fact_id in facts if not wanted or fact_id in selected]


def _rule(policy: Policy, fact_id: str) -> FactRule:
    rule = FactRule()
    for pattern in patterns(fact_id):
        if pattern in policy.facts:
            rule.MergeFrom(policy.facts[pattern])
    return rule


def _extended(policy: Policy) -> Policy:
    if policy.name == "default" and not policy.extends and policy == built_in_policy("default"):
        return policy
    base = built_in_policy(policy.extends or "default")
    whole = Policy()
    whole.CopyFrom(base if base.name == "default" else _extended(base))
    whole.name = policy.name or "inline"
    whole.description, whole.extends = policy.description, policy.extends
    for pattern, rule in policy.facts.items():
        whole.facts[pattern].MergeFrom(rule)
    whole.margins.MergeFrom(policy.margins)
    if policy.HasField("allow_probes"):
        whole.allow_probes = policy.allow_probes
    if policy.HasField("maximum_total_seconds"):
        whole.maximum_total_seconds = policy.maximum_total_seconds
    if policy.HasField("maximum_downtime_seconds"):
        whole.maximum_downtime_seconds = policy.maximum_downtime_seconds
    for field, bound in policy.freshness.ListFields():
        getattr(whole.freshness, field.name).CopyFrom(bound)
    whole.user_facts.extend(policy.user_facts)
    whole.conditions.extend(policy.conditions)
    return whole
