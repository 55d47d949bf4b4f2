"""The checks of many destinations as one answer: the best of them, and why not the others."""

from collections.abc import Sequence

from vmfit.v1.comparator_service_pb2 import CheckResponse, RankResponse, WhyNot
from vmfit_comparator.comparison import rank_key


def ranked(checks: Sequence[CheckResponse], top_count: int = 0) -> RankResponse:
    """Return the checks, the best first: so many of them, 0 for all. What is told counts all."""
    ordered = sorted(checks, key=rank_key, reverse=True)
    response = RankResponse(why_not=_why_not(ordered), host_count=len(ordered))
    for each in ordered[: top_count or None]:
        response.checks.add().CopyFrom(each)
    return response


def _why_not(checks: Sequence[CheckResponse]) -> list[WhyNot]:
    """Return what keeps hosts from being acceptable, each host counted by its first blocker."""
    found: dict[str, WhyNot] = {}
    for check in checks:
        verdict = check.verdict
        if verdict.acceptable:
            continue
        silent = _error(check)
        blocker = "" if silent else next(iter(verdict.blockers), "")
        why = found.setdefault(blocker, WhyNot(blocker=blocker, example=_example(check, silent)))
        why.host_count += 1
        why.alone_count += bool(silent) or len(verdict.blockers) <= 1
    return sorted(found.values(), key=lambda each: -each.host_count)


def _error(check: CheckResponse) -> str:
    """Return why the destination did not answer; empty where it did."""
    subject = check.subject
    own = (each.error for each in subject.errors if each.host == subject.destination_host)
    return next(own, "")


def _example(check: CheckResponse, silent: str) -> str:
    return f"{check.subject.destination_host}: {silent or check.verdict.summary}"
