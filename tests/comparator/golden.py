"""Every finding over all rows of the facts' tables, as text to be reviewed as a diff.

`python -m tests.comparator.golden` (or `make golden`) writes them: findings/AREA.txt has what
people are told, evidence/AREA.txt what it rests on.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf import text_format

from tests.comparator.rows import ROWS
from tests.comparator.tables import case_of
from vmfit.v1.finding_pb2 import Answer, Finding, Quality, Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.facts import BUILT_IN

FOLDER = Path(__file__).parent
_AT = datetime.fromtimestamp(1_700_000_000, UTC)


def documents() -> dict[Path, str]:
    """Return the text of every file, below this folder; facts are sorted, rows in their order."""
    texts = {}
    for area, ids in itertools.groupby(sorted(BUILT_IN), key=lambda each: each.partition(".")[0]):
        findings: list[str] = []
        evidence: list[str] = []
        for name in ids:
            rows = [(row[0], _found(BUILT_IN[name], case_of(row))) for row in ROWS.get(name, ())]
            findings += [f"== {name}\n", *_blocks((row, _told(found)) for row, found in rows)]
            shown = [(row, _evidence(found)) for row, found in rows]
            usual = _usual([each for _, each in shown])
            evidence += [f"== {name}\n", *_lines(f"{path}: {usual[path]}" for path in usual)]
            evidence += _blocks((row, _changes(usual, each)) for row, each in shown)
        texts[Path("findings") / f"{area}.txt"] = "".join(findings)
        texts[Path("evidence") / f"{area}.txt"] = "".join(evidence)
    return texts


def _blocks(rows: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    for name, lines in rows:
        if told := _lines(lines):
            yield from (f"- {name}\n", *told)


def _lines(texts: Iterable[str]) -> list[str]:
    return [f"    {text}\n" for text in texts]


def _found(fact: Fact, case: Case) -> Finding:
    return evaluate([fact], case, _AT)[0]


def _told(found: Finding) -> Iterator[str]:
    yield f"{_answer(found.answer, found.quality, found.not_applicable)}: {found.reason}"
    if found.HasField("probability"):
        yield f"probability {found.probability:.3g}"
    said = len(found.subjects) == 1 and found.subjects[0].answer == found.answer
    for each in found.subjects if not said else ():
        yield f"{each.subject}: {_answer(each.answer, each.quality)}: {each.reason}"
    for each in found.remedies:
        yield f"remedy {_remedy(each)}"
    for each in found.missing:
        yield f"missing {each}"
    if found.error:
        yield f"ERROR {found.error}"


def _answer(
    answer: Answer.ValueType, quality: Quality.ValueType, not_applicable: bool = False
) -> str:
    if not_applicable:
        return "N/A"
    name = Answer.Name(answer).removeprefix("ANSWER_")
    lesser = quality not in (Quality.QUALITY_NATIVE, Quality.QUALITY_UNSPECIFIED)
    return f"{name} {Quality.Name(quality).removeprefix('QUALITY_')}" if lesser else name


def _remedy(remedy: Remedy) -> str:
    kind = remedy.WhichOneof("action")
    action = text_format.MessageToString(getattr(remedy, kind), as_one_line=True) if kind else ""
    command = f" $ {remedy.command}" if remedy.command else ""
    return f"{kind or 'words'} [{action.strip()}] {remedy.summary}{command}"


def _evidence(found: Finding) -> dict[str, str]:
    values = {each.path: each.value for each in found.evidence}
    if found.HasField("valid_until"):
        values["fresh for"] = f"{found.valid_until.seconds - _AT.timestamp():.0f} s"
    return values


def _usual(rows: list[dict[str, str]]) -> dict[str, str]:
    """Return what most rows show; ties go to what comes first."""
    values: dict[str, Counter[str | None]] = {path: Counter() for row in rows for path in row}
    for path, counts in values.items():
        counts.update(row.get(path) for row in rows)
    most = ((path, counts.most_common(1)[0][0]) for path, counts in values.items())
    return {path: value for path, value in most if value is not None}


def _changes(usual: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    if not found:
        if usual:
            yield "none"
        return
    yield from (f"no {path}" for path in usual if path not in found)
    for path, value in found.items():
        if usual.get(path) != value:
            yield f"{path}: {value}"


if __name__ == "__main__":
    for path, text in documents().items():
        file = FOLDER / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
