"""The catalogue of facts as the contract describes it."""

from collections.abc import Iterable

from vmfit.v1.comparator_service_pb2 import ListFactsResponse
from vmfit.v1.finding_pb2 import FactDescription
from vmfit.v1.policy_pb2 import Freshness
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.freshness import bounds_of


def describe_facts(facts: Iterable[Fact], freshness: Freshness) -> ListFactsResponse:
    """Return one row per fact, in the order given; `freshness` says for how long inputs count."""
    bounds = bounds_of(freshness)
    rows = []
    for fact in facts:
        row = FactDescription(
            id=fact.id,
            question=fact.question,
            consequence=fact.consequence,
            reads=[path.text for path in fact.reads],
            applies_if=[path.text for path in fact.applies_if],
            also_reads=[path.text for path in fact.also_reads],
            volatility=fact.volatility,
            description=fact.description,
            user_defined=fact.user_defined,
        )
        if fact.volatility in bounds:
            row.fresh_for.FromNanoseconds(int(bounds[fact.volatility].fresh_seconds * 1e9))
        rows.append(row)
    return ListFactsResponse(facts=rows)
