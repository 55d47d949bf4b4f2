"""What vmfit said beside what happened: a confusion matrix, and each disagreement in full."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from play import Played

ANSWERS = ("NO", "PROBABLY_NO", "NO_IDEA", "PROBABLY_YES", "YES", "none")
OUTCOMES = ("migrated", "refused", "failed midway", "guest broken")
LATE = ("QEMU", "connecting", "copying", "end")
"""Stages of a failure that come after the destination's QEMU was started."""
_LABELS = ("said \\ was", *OUTCOMES)


def answer_of(played: Played) -> str:
    """Return the verdict's answer; "none" when the command gave none."""
    verdict = played.answer.get("verdict", {})
    return str(verdict.get("answer", "none")).removeprefix("ANSWER_")


def agrees(played: Played) -> bool:
    """Tell whether the answer came true; no idea is no disagreement, no answer is one."""
    answer = answer_of(played)
    if answer == "NO_IDEA":
        return True
    said_no = answer in ("NO", "PROBABLY_NO")
    return answer != "none" and said_no == (played.outcome != "migrated")


def culprits(played: Played) -> list[Mapping[str, Any]]:
    """Return the findings of the worst answer that decide."""
    findings = [
        each
        for each in played.answer.get("findings", ())
        if each["answer"] == f"ANSWER_{answer_of(played)}"
    ]
    blockers = played.answer.get("verdict", {}).get("blockers", ())
    return [each for each in findings if each["fact"] in blockers] or findings


def show(results: Sequence[Played]) -> Iterable[str]:
    """Yield the report's lines."""
    counts = Counter((answer_of(each), each.outcome) for each in results)
    yield "".join(f"{label:>15}" for label in _LABELS)
    for answer in ANSWERS:
        cells = "".join(f"{counts[answer, outcome] or '.':>15}" for outcome in OUTCOMES)
        yield f"{answer:>15}{cells}"
    wrong = [each for each in results if not agrees(each)]
    unknown = [each for each in results if answer_of(each) == "NO_IDEA"]
    for title, group in (("DISAGREES", wrong), ("NO IDEA", unknown)):
        for each in group:
            yield from _in_full(title, each)
    late = [each for each in results if each.outcome != "migrated" and each.stage in LATE]
    broken = [each for each in results if each.outcome == "guest broken"]
    failed = [each for each in results if each.outcome != "migrated"]
    yield f"{len(results)} scenarios, {len(wrong)} disagreements"
    if results:
        yield f"no idea: {len(unknown)} ({100 * len(unknown) / len(results):.1f} %)"
    yield (
        f"of {len(failed)} that did not migrate in health, libvirt found {len(late)} only after "
        f"starting QEMU on the destination or later, and {len(broken)} not at all"
    )


def _in_full(title: str, played: Played) -> Iterable[str]:
    yield f"{title}: {played.id}: said {answer_of(played)}, was {played.outcome} ({played.stage})"
    yield f"    differs: {played.differs}"
    if played.error:
        yield f"    no answer: {played.error}"
    if answer_of(played) == "YES":
        yield "    nothing spoke against it"
    else:
        for finding in culprits(played)[:4]:
            yield f"    {finding['fact']}: {finding['reason']}"
    if played.text:
        yield f"    libvirt: {played.text[:400]}"


def cause_lines(results: Sequence[Played], facts: Mapping[str, str]) -> Iterable[str]:
    """Yield a line for each rightly foreseen failure whose cause another fact named."""
    for played in results:
        expected = facts.get(played.id, "")
        named = [each["fact"] for each in culprits(played)]
        foreseen = played.outcome != "migrated" and answer_of(played) in ("NO", "PROBABLY_NO")
        if expected and foreseen and expected not in named:
            yield f"CAUSE: {played.id}: {', '.join(named)} said so, not {expected}"


def skipped_lines(skipped: Mapping[str, str]) -> Iterable[str]:
    """Yield a line for each cause why scenarios, by id, were not played."""
    for why in sorted(set(skipped.values())):
        ids = [each for each, reason in skipped.items() if reason == why]
        yield f"SKIPPED: {len(ids)} ({why}): {', '.join(ids)}"
