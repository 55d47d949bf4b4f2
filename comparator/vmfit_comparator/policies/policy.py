"""Policies: read strictly, extended from the built-in ones, and asked which rule counts."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from vmfit.v1.finding_pb2 import Answer, Consequence, Quality
from vmfit.v1.policy_pb2 import FactRule, Freshness, Margins, Policy
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.policies.expressions import CONDITION, ExpressionError
from vmfit_comparator.policies.user_facts import UserFactError, user_fact
from vmfit_comparator.policies.yaml_message import (
    MAX_DOCUMENT_CHARACTERS,
    DocumentError,
    fill,
    parse_document,
)
from vmfit_contract.spelling import did_you_mean

BUILT_IN_NAMES = ("conservative", "default", "permissive")
_MAX_USER_FACTS = 100
_MAX_CONDITIONS = 100
_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class PolicyError(ValueError):
    """A policy that cannot be used; `field` is the path of what is wrong in it, maybe empty."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ResolvedPolicy:
    """A policy ready for use: extended, with every margin and bound set, expressions compiled."""

    message: Policy
    facts: Mapping[str, Fact]
    """The catalogue: built-in facts, then the policy's own."""
    rules: Mapping[str, FactRule]
    """What holds for each fact of the catalogue: the most specific pattern's word on each field."""


def read_policy(path: Path) -> Policy:
    """Read a policy file as it is written; `resolve_policy` checks and completes it.

    A file that has no name is called by the path's stem. Raises PolicyError that starts with the
    file's path.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_DOCUMENT_CHARACTERS + 1)
    except OSError as error:
        raise PolicyError(str(path), error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        raise PolicyError(str(path), "not UTF-8") from None
    try:
        policy = parse_policy(text)
    except PolicyError as error:
        raise PolicyError(str(path), str(error)) from None
    policy.name = policy.name or path.stem
    return policy


def parse_policy(text: str) -> Policy:
    """Return the policy that a YAML document describes. Raises PolicyError."""
    policy = Policy()
    try:
        fill(policy, parse_document(text))
    except DocumentError as error:
        raise PolicyError(error.field, error.reason) from None
    return policy


@cache
def built_in_policy(name: str) -> Policy:
    """Return a built-in policy as its file has it. Raises PolicyError for another name."""
    if name not in BUILT_IN_NAMES:
        raise PolicyError(
            "", f"no policy is called {name!r}; there are {', '.join(BUILT_IN_NAMES)}"
        )
    file = resources.files("vmfit_comparator.policies") / f"{name}.yaml"
    return parse_policy(file.read_text(encoding="utf-8"))


def resolve_policy(policy: Policy, catalogue: Mapping[str, Fact]) -> ResolvedPolicy:
    """Check a policy, extend what it extends, compile its expressions. Raises PolicyError."""
    if policy.extends and policy.extends not in BUILT_IN_NAMES:
        names = ", ".join(BUILT_IN_NAMES)
        raise PolicyError("extends", f"{policy.extends!r} is not built in; there are {names}")
    own_facts = _user_facts(policy, catalogue)
    facts = {**catalogue, **own_facts}
    _check_rules(policy, facts)
    _check_margins(policy.margins)
    _check_freshness(policy.freshness)
    _check_conditions(policy)
    whole = _extended(policy)
    rules = {fact_id: _rule(whole, fact_id) for fact_id in facts}
    return ResolvedPolicy(whole, MappingProxyType(facts), MappingProxyType(rules))


def select_facts(wanted: Collection[str], facts: Collection[str]) -> list[str]:
    """Return the ids that `wanted` names (ids or "area.*"), in the catalogue's order.

    All of them when `wanted` is empty. Raises PolicyError with the field "facts[INDEX]".
    """
    selected: set[str] = set()
    for index, each in enumerate(wanted):
        matches = {fact_id for fact_id in facts if each in _patterns(fact_id)}
        if not matches:
            hint = did_you_mean(each, facts)
            raise PolicyError(f"facts[{index}]", f"no such fact: {each[:100]!r}{hint}")
        selected |= matches
    return [fact_id for fact_id in facts if not wanted or fact_id in selected]


def _rule(policy: Policy, fact_id: str) -> FactRule:
    rule = FactRule()
    for pattern in _patterns(fact_id):
        if pattern in policy.facts:
            rule.MergeFrom(policy.facts[pattern])
    return rule


def _patterns(fact_id: str) -> tuple[str, ...]:
    """Return what can name a fact, the least specific first: "*", "area.*", the id."""
    parts = fact_id.split(".")
    areas = (".".join(parts[:end]) + ".*" for end in range(1, len(parts)))
    return ("*", *areas, fact_id)


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
    for field, bound in policy.freshness.ListFields():
        getattr(whole.freshness, field.name).CopyFrom(bound)
    whole.user_facts.extend(policy.user_facts)
    whole.conditions.extend(policy.conditions)
    return whole


def _user_facts(policy: Policy, catalogue: Mapping[str, Fact]) -> dict[str, Fact]:
    if len(policy.user_facts) > _MAX_USER_FACTS:
        raise PolicyError("user_facts", f"more than {_MAX_USER_FACTS}")
    own: dict[str, Fact] = {}
    for index, declared in enumerate(policy.user_facts):
        where = f"user_facts[{index}]"
        if not _ID.fullmatch(declared.id):
            raise PolicyError(f"{where}.id", f"{declared.id!r} is not of the form site.rack")
        if declared.id in catalogue or declared.id in own:
            raise PolicyError(f"{where}.id", f"{declared.id} is taken by another fact")
        if declared.consequence not in Consequence.values():
            raise PolicyError(f"{where}.consequence", f"{declared.consequence} is none")
        try:
            own[declared.id] = user_fact(declared)
        except UserFactError as error:
            raise PolicyError(f"{where}.{error.field}", error.reason) from None
    return own


def _check_rules(policy: Policy, facts: Mapping[str, Fact]) -> None:
    known = {pattern for fact_id in facts for pattern in _patterns(fact_id)}
    for pattern, rule in sorted(policy.facts.items()):
        where = f"facts.{pattern}"
        if pattern not in known:
            raise PolicyError(where, f"no such fact{did_you_mean(pattern, facts)}")
        if rule.minimum_answer not in Answer.values():
            raise PolicyError(f"{where}.minimum_answer", f"{rule.minimum_answer} is no answer")
        if rule.minimum_quality not in Quality.values():
            raise PolicyError(f"{where}.minimum_quality", f"{rule.minimum_quality} is no quality")


def _check_margins(margins: Margins) -> None:
    for field, value in margins.ListFields():
        if not math.isfinite(value) or value < 0:
            raise PolicyError(f"margins.{field.name}", f"{value:g} is not a number from 0 on")


def _check_freshness(freshness: Freshness) -> None:
    for field, bound in freshness.ListFields():
        where = f"freshness.{field.name}"
        for name in ("fresh_seconds", "stale_seconds"):
            value = getattr(bound, name)
            if not math.isfinite(value) or value < 0:
                raise PolicyError(f"{where}.{name}", f"{value:g} is not a number from 0 on")
        if bound.stale_seconds < bound.fresh_seconds:
            raise PolicyError(
                f"{where}.stale_seconds", "must be there, and not below fresh_seconds"
            )


def _check_conditions(policy: Policy) -> None:
    if len(policy.conditions) > _MAX_CONDITIONS:
        raise PolicyError("conditions", f"more than {_MAX_CONDITIONS}")
    seen: set[str] = set()
    for index, condition in enumerate(policy.conditions):
        where = f"conditions[{index}]"
        if not condition.name.strip() or condition.name in seen:
            raise PolicyError(f"{where}.name", f"{condition.name!r} is empty or there twice")
        seen.add(condition.name)
        try:
            CONDITION.compile(condition.expression, gives=("BOOL",))
        except ExpressionError as error:
            raise PolicyError(f"{where}.expression", str(error)) from None
