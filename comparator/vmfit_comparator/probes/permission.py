"""Whether a request's hosts may be asked anything beyond what they say of themselves."""

from collections.abc import Iterable

from vmfit.v1.policy_pb2 import Policy
from vmfit_comparator.evaluation.fact import Fact


def why_not_probed(policy: Policy, facts: Iterable[Fact], *, forbidden: bool) -> str:
    """Return why not, for people; empty when they may and some fact wants to know."""
    if forbidden:
        return "the request forbids probes"
    if not policy.allow_probes:
        return f"policy {policy.name} forbids probes"
    read = (path for each in facts for path in each.inputs)
    return "" if any(path.root == "probes" for path in read) else "no fact wants a probe"


def want_dirty_rate(facts: Iterable[Fact]) -> bool:
    """Tell whether a fact wants to know what takes a second to measure."""
    read = (path for each in facts for path in each.inputs)
    return any(path.text.startswith("probes.dirty_rate") for path in read)
