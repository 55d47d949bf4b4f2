"""The answer to a check, for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC

from vmfit.v1.comparator_service_pb2 import CheckResponse
from vmfit.v1.finding_pb2 import (
    Answer,
    Consequence,
    FactDescription,
    Finding,
    Quality,
    Remedy,
    Verdict,
)
from vmfit_comparator.render.terminal import Terminal, column_widths

_COLOURS = {
    Answer.ANSWER_NO: "red",
    Answer.ANSWER_PROBABLY_NO: "magenta",
    Answer.ANSWER_NO_IDEA: "yellow",
    Answer.ANSWER_PROBABLY_YES: "cyan",
    Answer.ANSWER_YES: "green",
}
_SYMBOLS = {
    Answer.ANSWER_NO: "✘",
    Answer.ANSWER_PROBABLY_NO: "✘",
    Answer.ANSWER_NO_IDEA: "?",
    Answer.ANSWER_PROBABLY_YES: "✔",
    Answer.ANSWER_YES: "✔",
}
_INDENT = 4
_SHOWN_BLOCKERS = 6


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of an answer to show."""

    show_all: bool = False
    explain: bool = False
    rules: Mapping[str, FactDescription] = field(default_factory=dict)
    """The catalogue by fact id, for `explain`."""


def show_check(response: CheckResponse, detail: Detail) -> Callable[[Terminal], None]:
    """Return what prints the verdict, then the findings, the worst first."""
    return lambda terminal: _show(terminal, response, detail)


def _show(terminal: Terminal, response: CheckResponse, detail: Detail) -> None:
    verdict, subject = response.verdict, response.subject
    hosts = f"{subject.source_host} {'→' if terminal.symbols else '->'} {subject.destination_host}"
    symbol = f"{_SYMBOLS.get(verdict.answer, '?')} " if terminal.symbols else ""
    colour = _COLOURS.get(verdict.answer, "yellow")
    terminal.line(
        f"{symbol}{_verdict(verdict)}: {subject.vm_name or 'the VM'}, {hosts}", fg=colour, bold=True
    )
    if verdict.blockers:
        hidden = len(verdict.blockers) - _SHOWN_BLOCKERS
        listed = ", ".join(verdict.blockers[:_SHOWN_BLOCKERS])
        more = f" and {hidden} more" if hidden > 0 else ""
        terminal.line(f"policy {verdict.policy} is not met by {listed}{more}", hang=2)
    for error in subject.errors:
        terminal.line(f"{error.host}: {error.error}", hang=2, fg="red")
    shown = [each for each in response.findings if detail.show_all or not _is_folded(each)]
    if shown:
        terminal.line()
    shown.sort(key=lambda each: (each.not_applicable, each.answer, each.quality))
    rows = [_cells(terminal, each) for each in shown]
    for finding, row in zip(shown, rows, strict=True):
        terminal.row(row, column_widths(rows), fg=_COLOURS.get(finding.answer, "yellow"))
        _show_remedies(terminal, finding)
        if detail.explain:
            _show_explanation(terminal, finding, detail.rules.get(finding.fact))
    terminal.line()
    _show_footer(terminal, response, len(shown))


def _verdict(verdict: Verdict) -> str:
    acceptable = "acceptable" if verdict.acceptable else "not acceptable"
    return f"{_answer_text(verdict.answer, verdict.quality)}, {acceptable}"


def _answer_text(answer: Answer.ValueType, quality: Quality.ValueType) -> str:
    name = Answer.Name(answer).removeprefix("ANSWER_")
    if quality in (Quality.QUALITY_REDUCED, Quality.QUALITY_EMULATED):
        name += f" ({Quality.Name(quality).removeprefix('QUALITY_').lower()})"
    return name


def _is_folded(finding: Finding) -> bool:
    plain = finding.answer == Answer.ANSWER_YES and finding.quality == Quality.QUALITY_NATIVE
    return (plain or finding.not_applicable) and not finding.error


def _cells(terminal: Terminal, finding: Finding) -> tuple[str, str, str]:
    answer = "n/a" if finding.not_applicable else _answer_text(finding.answer, finding.quality)
    symbol = "·" if finding.not_applicable else _SYMBOLS.get(finding.answer, "?")
    advisory = finding.consequence == Consequence.CONSEQUENCE_ADVISORY
    reason = (
        f"{finding.reason} (advice)" if advisory and not _is_folded(finding) else finding.reason
    )
    return f"{symbol} {answer}" if terminal.symbols else answer, finding.fact, reason


def _show_remedies(terminal: Terminal, finding: Finding) -> None:
    # Several disks or NICs may need the same.
    for text, command in dict.fromkeys(
        (_remedy_text(each), each.command) for each in finding.remedies
    ):
        terminal.line(f"remedy: {text}", _INDENT, 2)
        if command:
            terminal.line(f"$ {command}", _INDENT + 2, 2)


def _remedy_text(remedy: Remedy) -> str:
    return remedy.summary or (remedy.WhichOneof("action") or "").replace("_", " ")


def _show_explanation(terminal: Terminal, finding: Finding, rule: FactDescription | None) -> None:
    if rule is not None:
        terminal.line(rule.question, _INDENT, 2, bold=True)
        for paragraph in rule.description.split("\n\n"):
            terminal.line(" ".join(paragraph.split()), _INDENT)
        for label, paths in (("reads", rule.reads), ("takes into account", rule.also_reads)):
            if paths:
                terminal.line(f"{label}: {', '.join(paths)}", _INDENT, 2)
    for subject in finding.subjects:
        answer = _answer_text(subject.answer, subject.quality)
        terminal.line(f"{subject.subject}: {answer}: {subject.reason}", _INDENT, 2)
    for evidence in finding.evidence:
        terminal.line(f"{evidence.path} = {evidence.value}", _INDENT, 2, dim=True)
    if finding.missing:
        terminal.line(f"missing: {', '.join(finding.missing)}", _INDENT, 2)
    if finding.HasField("probability"):
        terminal.line(f"probability: {finding.probability:.0%}", _INDENT, 2)


def _show_footer(terminal: Terminal, response: CheckResponse, shown: int) -> None:
    absent = sum(each.not_applicable for each in response.findings)
    yes = sum(_is_folded(each) for each in response.findings) - absent
    if shown < len(response.findings):
        terminal.line(f"{yes} say yes, {absent} do not apply (--all shows them)", dim=True)
    verdict, subject = response.verdict, response.subject
    if subject.HasField("evaluated_at"):
        moment = subject.evaluated_at.ToDatetime(UTC)
        text = f"as of {moment:%Y-%m-%d %H:%M:%S} UTC"
        if verdict.HasField("valid_until"):
            seconds = (verdict.valid_until.ToDatetime(UTC) - moment).total_seconds()
            text += f", holds for {seconds:.0f} s" if seconds >= 1 else ", some of it stale already"
        terminal.line(text, dim=True)
