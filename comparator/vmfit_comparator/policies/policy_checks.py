"""What a policy may say, and how much of it."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping

from google.protobuf.message import Message

from vmfit.v1.finding_pb2 import Answer, Quality
from vmfit.v1.policy_pb2 import Freshness, Margins, Policy
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.policies.policy_error import PolicyError
from vmfit_contract.spelling import did_you_mean

MAX_IDENTIFIER_CHARACTERS = 256
"""Of names, ids and patterns, in requests and in policies."""

_MAX_TEXT_CHARACTERS = 4096
_MAX_EXPRESSIONS_CHARACTERS = 64 * 1024
_MAX_COUNTS = {"facts": 2000, "user_facts": 100, "conditions": 100, "reads": 100}
_IDENTIFIERS = ("name", "extends", "id", "reads")
_EXPRESSIONS = ("expression", "applies_if")


def patterns(fact_id: str) -> tuple[str, ...]:
    """Return what can name a fact, the least specific first: "*", "area.*", the id."""
    parts = fact_id.split(".")
    areas = (".".join(parts[:end]) + ".*" for end in range(1, len(parts)))
    return ("*", *areas, fact_id)


def check_sizes(policy: Policy) -> None:
    """Raise PolicyError for more rules, facts, conditions or text than a policy may have."""
    _check_counts(policy, "")
    for index, declared in enumerate(policy.user_facts):
        _check_counts(declared, f"user_facts[{index}].")
    total = 0
    for field, text in _texts(policy):
        name = field.rpartition(".")[2].partition("[")[0]
        if name in _EXPRESSIONS:
            total += len(text)
            continue
        most = MAX_IDENTIFIER_CHARACTERS if name in _IDENTIFIERS else _MAX_TEXT_CHARACTERS
        if len(text) > most:
            raise PolicyError(field, f"is longer than {most} characters")
    if total > _MAX_EXPRESSIONS_CHARACTERS:
        complaint = f"its expressions have more than {_MAX_EXPRESSIONS_CHARACTERS} characters"
        raise PolicyError("user_facts" if policy.user_facts else "conditions", complaint)


def check_rules(policy: Policy, facts: Mapping[str, Fact]) -> None:
    """Raise PolicyError for a rule about no fact, or with an answer or quality that is none."""
    known = {pattern for fact_id in facts for pattern in patterns(fact_id)}
    for pattern, rule in sorted(policy.facts.items()):
        where = f"facts.{pattern[:MAX_IDENTIFIER_CHARACTERS]}"
        if pattern not in known:
            raise PolicyError(where, f"no such fact{_hint(pattern, facts)}")
        if rule.minimum_answer not in Answer.values():
            raise PolicyError(f"{where}.minimum_answer", f"{rule.minimum_answer} is no answer")
        if rule.minimum_quality not in Quality.values():
            raise PolicyError(f"{where}.minimum_quality", f"{rule.minimum_quality} is no quality")


def check_margins(margins: Margins) -> None:
    """Raise PolicyError for a margin that is not a number from 0 on."""
    for field, value in margins.ListFields():
        if not math.isfinite(value) or value < 0:
            raise PolicyError(f"margins.{field.name}", f"{value:g} is not a number from 0 on")


def check_limits(policy: Policy) -> None:
    """Raise PolicyError for a limit of time that is no time."""
    for name, value in (
        ("maximum_total_seconds", policy.maximum_total_seconds),
        ("maximum_downtime_seconds", policy.maximum_downtime_seconds),
    ):
        if not math.isfinite(value) or value < 0:
            raise PolicyError(name, f"{value:g} is not a number from 0 on")


def check_freshness(freshness: Freshness) -> None:
    """Raise PolicyError for bounds that are no times, or the wrong way round."""
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


def _hint(pattern: str, facts: Collection[str]) -> str:
    if len(pattern) > MAX_IDENTIFIER_CHARACTERS:
        return ""
    return did_you_mean(pattern, known_patterns(facts))


def known_patterns(facts: Iterable[str]) -> list[str]:
    """Return what facts may be called by: "area.*" for each area, then their ids."""
    ids = list(facts)
    return [*dict.fromkeys(f"{each.partition('.')[0]}.*" for each in ids), *ids]


def _check_counts(message: Message, where: str) -> None:
    for field, value in message.ListFields():
        if field.is_repeated and len(value) > _MAX_COUNTS[field.name]:
            raise PolicyError(f"{where}{field.name}", f"more than {_MAX_COUNTS[field.name]}")


def _texts(policy: Policy) -> Iterator[tuple[str, str]]:
    """Yield every text of a policy with its path."""
    yield from _own_texts(policy, "")
    for name in ("user_facts", "conditions"):
        for index, each in enumerate(getattr(policy, name)):
            yield from _own_texts(each, f"{name}[{index}].")


def _own_texts(message: Message, where: str) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        if field.type != field.TYPE_STRING:
            continue
        if field.is_repeated:
            yield from ((f"{where}{field.name}[{n}]", each) for n, each in enumerate(value))
        else:
            yield f"{where}{field.name}", value
