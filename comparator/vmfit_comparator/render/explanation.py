"""What a finding rests on: the rule, the inputs with their ages, the evidence."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from vmfit.v1.comparator_service_pb2 import CheckResponse
from vmfit.v1.finding_pb2 import FactDescription, Finding
from vmfit_comparator.evaluation.freshness import duration_text
from vmfit_comparator.render.answers import answer_text
from vmfit_comparator.render.terminal import Terminal

_INDENT = 4
_DEEPER = 6


def input_ages(response: CheckResponse) -> Mapping[str, float]:
    """Return the age in seconds of each part that was compared, by "source.cpu" and the like."""
    return {each.path: each.age.ToNanoseconds() / 1e9 for each in response.subject.inputs}


def show_explanation(
    terminal: Terminal, finding: Finding, rule: FactDescription | None, ages: Mapping[str, float]
) -> None:
    """Print a finding's rule and inputs, where the rule is known, and its evidence."""
    if rule is not None:
        _show_rule(terminal, rule)
        _show_inputs(terminal, (*rule.reads, *rule.also_reads), ages)
    if finding.subjects:
        terminal.line("one by one:", _INDENT, bold=True)
    for subject in finding.subjects:
        answer = answer_text(subject.answer, subject.quality)
        terminal.line(f"{subject.subject}: {answer}: {subject.reason}", _DEEPER, 2)
    if finding.evidence:
        terminal.line("evidence:", _INDENT, bold=True)
    for evidence in finding.evidence:
        terminal.line(f"{evidence.path} = {evidence.value}", _DEEPER, 2)
    if finding.missing:
        terminal.line(f"missing: {', '.join(finding.missing)}", _INDENT, 2)
    if finding.HasField("probability"):
        terminal.line(f"probability that it works: {finding.probability:.0%}", _INDENT, 2)


def _show_rule(terminal: Terminal, rule: FactDescription) -> None:
    terminal.line(rule.question, _INDENT, 2, bold=True)
    for paragraph in rule.description.split("\n\n"):
        terminal.line(" ".join(paragraph.split()), _INDENT)


def _show_inputs(terminal: Terminal, paths: Iterable[str], ages: Mapping[str, float]) -> None:
    terminal.line("inputs:", _INDENT, bold=True)
    for part, members in groupby(sorted(paths, key=_order), key=_part):
        age = f": {duration_text(ages[part])} old" if part in ages else ""
        terminal.line(f"{', '.join(members)}{age}", _DEEPER, 2)


def _part(path: str) -> str:
    """Return "source.cpu" for "source.cpu.features", and "vm" for any path in the VM."""
    root, *names = path.split(".")
    return f"{root}.{names[0]}" if root in ("source", "destination") and names else root


def _order(path: str) -> tuple[bool, bool, str]:
    part = _part(path)
    return part.startswith("destination"), part.startswith("source"), part
