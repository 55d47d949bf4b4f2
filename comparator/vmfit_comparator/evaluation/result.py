"""What a fact's function returns: an answer with its reason, evidence and remedies."""

from collections.abc import Collection, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import NamedTuple

from vmfit.v1.finding_pb2 import (
    ANSWER_NO,
    ANSWER_NO_IDEA,
    ANSWER_PROBABLY_NO,
    ANSWER_PROBABLY_YES,
    ANSWER_YES,
    QUALITY_NATIVE,
    QUALITY_UNSPECIFIED,
    Answer,
    Quality,
    Remedy,
)

_SHOWN_SUBJECTS = 5
_NO_EVIDENCE: Mapping[str, str] = MappingProxyType({})
_NO_SUBJECTS: Mapping[str, "Result"] = MappingProxyType({})


class Result(NamedTuple):
    """An answer in one case. `evidence` maps field paths to values, beside the declared reads."""

    answer: Answer.ValueType
    reason: str
    quality: Quality.ValueType = QUALITY_UNSPECIFIED
    remedies: tuple[Remedy, ...] = ()
    evidence: Mapping[str, str] = _NO_EVIDENCE
    probability: float | None = None
    missing: tuple[str, ...] = ()
    subjects: Mapping[str, "Result"] = _NO_SUBJECTS
    not_applicable: bool = False
    unset: bool = False
    """What it needs is not known, so nothing was asked."""


def yes(
    reason: str,
    *,
    quality: Quality.ValueType = QUALITY_NATIVE,
    remedies: Sequence[Remedy] = (),
    evidence: Mapping[str, str] | None = None,
) -> Result:
    """It will work. A lesser `quality` says what is lost in the reason."""
    return Result(ANSWER_YES, reason, quality, tuple(remedies), evidence or _NO_EVIDENCE)


def probably_yes(
    reason: str,
    *,
    probability: float = 0.9,
    quality: Quality.ValueType = QUALITY_NATIVE,
    remedies: Sequence[Remedy] = (),
    evidence: Mapping[str, str] | None = None,
) -> Result:
    """It should work; the reason says why that is not firm. `probability` is that it works."""
    return Result(
        ANSWER_PROBABLY_YES, reason, quality, tuple(remedies), evidence or _NO_EVIDENCE, probability
    )


def no_idea(
    reason: str,
    *,
    missing: Sequence[str] = (),
    remedies: Sequence[Remedy] = (),
    evidence: Mapping[str, str] | None = None,
) -> Result:
    """It cannot be known from here; `missing` names the field paths that would tell."""
    return Result(
        ANSWER_NO_IDEA,
        reason,
        remedies=tuple(remedies),
        evidence=evidence or _NO_EVIDENCE,
        missing=tuple(missing),
    )


def probably_no(
    reason: str,
    *,
    probability: float = 0.1,
    remedies: Sequence[Remedy] = (),
    evidence: Mapping[str, str] | None = None,
) -> Result:
    """It should fail; the reason says why that is not firm. `probability` is that it works."""
    return Result(
        ANSWER_PROBABLY_NO,
        reason,
        remedies=tuple(remedies),
        evidence=evidence or _NO_EVIDENCE,
        probability=probability,
    )


def no(
    reason: str, *, remedies: Sequence[Remedy] = (), evidence: Mapping[str, str] | None = None
) -> Result:
    """It will fail."""
    return Result(ANSWER_NO, reason, remedies=tuple(remedies), evidence=evidence or _NO_EVIDENCE)


def not_applicable(reason: str) -> Result:
    """The question does not arise for this VM."""
    return Result(ANSWER_YES, reason, QUALITY_NATIVE, not_applicable=True)


def joined(results: Mapping[str, Result]) -> Result:
    """Join the results of several subjects (disks, NICs): the worst answer, with its reasons.

    The quality is the least of all, remedies and evidence are those of the subjects that are not
    a plain yes. Subjects with one reason share one cause: the probability is the product over the
    causes. What several subjects have in common is told once. An empty mapping is a
    mistake of the caller.
    """
    if len(results) == 1:
        return _alone(*results.items())
    answer = min([each.answer for each in results.values()])
    deciding = {name: each for name, each in results.items() if each.answer == answer}
    whole = _whole(results.values(), _joined_reason(deciding))
    return whole._replace(subjects=dict(results))


def _alone(named: tuple[str, Result]) -> Result:
    """Return what `joined` says of one subject, as most are."""
    name, result = named
    return result._replace(
        reason=f"{name}: {result.reason}",
        remedies=result.remedies if result.answer != ANSWER_YES else (),
        subjects={name: result},
    )


def all_of(*results: Result) -> Result:
    """Join the results of several questions about one subject, as `joined` does; at least one."""
    answer = min([each.answer for each in results])
    reasons = dict.fromkeys(each.reason for each in results if each.answer == answer)
    return _whole(results, "; ".join(reasons)) if len(results) > 1 else results[0]


def _whole(every: Collection[Result], reason: str) -> Result:
    answer = min([each.answer for each in every])
    deciding = [each for each in every if each.answer == answer]
    remedies: list[Remedy] = []
    evidence: dict[str, str] = {}
    for each in every:
        evidence |= each.evidence
        if each.answer != ANSWER_YES:
            remedies += [remedy for remedy in each.remedies if remedy not in remedies]
    probability = None
    if answer in (ANSWER_PROBABLY_NO, ANSWER_PROBABLY_YES):
        causes = {each.reason: each.probability for each in deciding}
        probability = prod([each for each in causes.values() if each is not None], start=1.0)
    return Result(
        answer,
        reason,
        QUALITY_UNSPECIFIED
        if answer < ANSWER_PROBABLY_YES
        else min([each.quality for each in every]),
        tuple(remedies),
        evidence,
        probability,
        tuple(dict.fromkeys(path for each in deciding for path in each.missing)),
        not_applicable=all(each.not_applicable for each in every),
    )


def _joined_reason(deciding: Mapping[str, Result]) -> str:
    # The same reason for several subjects is said once: "vda, vdb: ...".
    subjects: dict[str, list[str]] = {}
    for name, each in deciding.items():
        subjects.setdefault(each.reason, []).append(name)
    texts = [f"{_some(names, ', ')}: {reason}" for reason, names in subjects.items()]
    return _some(texts, "; ")


def _some(texts: Sequence[str], separator: str) -> str:
    hidden = len(texts) - _SHOWN_SUBJECTS
    shown = separator.join(texts[:_SHOWN_SUBJECTS])
    return f"{shown}{separator}and {hidden} more" if hidden > 0 else shown
