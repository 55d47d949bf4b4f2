"""The answer to a check, for people."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC

from vmfit.v1.comparator_service_pb2 import CheckResponse
from vmfit.v1.finding_pb2 import Answer, Consequence, FactDescription, Finding, Quality, Remedy
from vmfit_comparator.evaluation.freshness import duration_text
from vmfit_comparator.render.answers import answer_text, colour, symbol
from vmfit_comparator.render.estimates import estimate_text, is_expected
from vmfit_comparator.render.explanation import input_ages, show_explanation
from vmfit_comparator.render.terminal import Terminal, column_widths

_INDENT = 4
_SHOWN_BLOCKERS = 6


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of an answer to show."""

    show_all: bool = False
    explain: bool = False
    rules: Mapping[str, FactDescription] = field(default_factory=dict)
    """The catalogue by fact id, for `explain`."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row: one finding, or several that lack an answer for the same reason."""

    findings: Sequence[Finding]
    reason: str
    is_named: bool = True
    """Whether to tell which facts the row stands for."""


def show_check(response: CheckResponse, detail: Detail) -> Callable[[Terminal], None]:
    """Return what prints the verdict, then the findings: what decides, the worst first; advice."""
    return lambda terminal: _show(terminal, response, detail)


def _show(terminal: Terminal, response: CheckResponse, detail: Detail) -> None:
    _show_verdict(terminal, response)
    deciding, advice = _tables(response, detail)
    widths = column_widths([_cells(terminal, each) for each in (*deciding, *advice)])
    ages = input_ages(response)
    for heading, entries in (("", deciding), ("advice, which decides nothing:", advice)):
        if entries:
            terminal.line()
        if entries and heading:
            terminal.line(heading, bold=True)
        for entry in entries:
            finding = entry.findings[0]
            terminal.row(_cells(terminal, entry), widths, colour=colour(finding.answer))
            if len(entry.findings) > 1 and entry.is_named:
                terminal.line(", ".join(each.fact for each in entry.findings), _INDENT)
            _show_remedies(terminal, finding)
            if detail.explain and len(entry.findings) == 1 and not finding.not_applicable:
                show_explanation(terminal, finding, detail.rules.get(finding.fact), ages)
                terminal.line()
    terminal.line()
    if is_expected(response.estimate):
        terminal.line(estimate_text(response.estimate), hang=2)
    _show_footer(terminal, response, detail)


def _show_verdict(terminal: Terminal, response: CheckResponse) -> None:
    verdict, subject = response.verdict, response.subject
    mark = f"{symbol(verdict.answer)} " if terminal.symbols else ""
    answer = answer_text(verdict.answer, verdict.quality)
    acceptable = "acceptable" if verdict.acceptable else "not acceptable"
    hosts = f"{subject.source_host} {terminal.arrow} {subject.destination_host}"
    terminal.line(
        f"{mark}{answer}, {acceptable}: {subject.vm_name or 'the VM'}, {hosts}",
        colour=colour(verdict.answer),
        bold=True,
    )
    if verdict.blockers:
        answers = {each.fact: each.answer for each in response.findings}
        worst_first = sorted(verdict.blockers, key=lambda fact: answers.get(fact, 0))
        hidden = len(worst_first) - _SHOWN_BLOCKERS
        more = f" and {hidden} more" if hidden > 0 else ""
        listed = ", ".join(worst_first[:_SHOWN_BLOCKERS])
        terminal.line(f"policy {verdict.policy} is not met by {listed}{more}", hang=2)
    for error in subject.errors:
        # Usually a finding tells, with what to do about it.
        if not any(error.error in each.reason for each in response.findings):
            terminal.line(f"{error.host}: {error.error}", hang=2, colour="red")


def _is_plain(finding: Finding) -> bool:
    plain = finding.answer == Answer.ANSWER_YES and finding.quality == Quality.QUALITY_NATIVE
    return (plain or finding.not_applicable) and not finding.error


def _is_advice(finding: Finding, response: CheckResponse) -> bool:
    """Tell what a finding is under the policy: the verdict's answer is the worst that decides."""
    if finding.fact in response.verdict.blockers:
        return False
    worse = finding.answer < response.verdict.answer
    return worse or finding.consequence == Consequence.CONSEQUENCE_ADVISORY


def _tables(response: CheckResponse, detail: Detail) -> tuple[list[_Entry], list[_Entry]]:
    """Return what decides and what is advice, each the worst first."""
    shown = [each for each in response.findings if detail.show_all or not _is_plain(each)]
    shown.sort(key=lambda each: (each.not_applicable, each.answer, each.quality))
    hosts = [] if detail.show_all else _dead_hosts(response)
    lost = [each for each in shown if hosts and _lacks_input(each)]
    rest = [each for each in shown if not (hosts and _lacks_input(each))]
    fold = _unfolded if detail.show_all else _folded
    deciding = fold([each for each in rest if not _is_advice(each, response)])
    if lost:
        reason = f"{' and '.join(hosts)} does not answer (--all shows them)"
        deciding.append(_Entry(lost, reason, is_named=False))
        deciding.sort(key=lambda entry: entry.findings[0].answer)
    return deciding, fold([each for each in rest if _is_advice(each, response)])


def _lacks_input(finding: Finding) -> bool:
    unknown = finding.answer == Answer.ANSWER_NO_IDEA
    return unknown and not (finding.remedies or finding.error)


def _dead_hosts(response: CheckResponse) -> list[str]:
    """Return the hosts without an answer that leave findings without input."""
    return [
        each.host
        for each in response.subject.errors
        if any(finding.missing and each.error in finding.reason for finding in response.findings)
    ]


def _folded(findings: Iterable[Finding]) -> list[_Entry]:
    """Join what has no answer for want of the same field."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for each in findings:
        same = each.missing and _lacks_input(each)
        key = (each.reason, *each.missing) if same else (each.fact,)
        groups.setdefault(key, []).append(each)
    return [_Entry(members, members[0].reason) for members in groups.values()]


def _unfolded(findings: Iterable[Finding]) -> list[_Entry]:
    return [_Entry([each], each.reason) for each in findings]


def _cells(terminal: Terminal, entry: _Entry) -> tuple[str, str, str]:
    finding = entry.findings[0]
    answer, mark = answer_text(finding.answer, finding.quality), symbol(finding.answer)
    if finding.not_applicable:
        answer, mark = "n/a", "-"
    fact = finding.fact if len(entry.findings) == 1 else f"{len(entry.findings)} facts"
    return f"{mark} {answer}" if terminal.symbols else answer, fact, entry.reason


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


def _show_footer(terminal: Terminal, response: CheckResponse, detail: Detail) -> None:
    absent = sum(each.not_applicable for each in response.findings)
    yes = sum(map(_is_plain, response.findings)) - absent
    if (yes or absent) and not detail.show_all:
        terminal.line(f"{yes} say yes, {absent} do not apply (--all shows them)", dim=True)
    verdict, subject = response.verdict, response.subject
    if subject.HasField("evaluated_at"):
        moment = subject.evaluated_at.ToDatetime(UTC)
        text = f"as of {moment:%Y-%m-%d %H:%M:%S} UTC"
        if verdict.HasField("valid_until"):
            seconds = (verdict.valid_until.ToDatetime(UTC) - moment).total_seconds()
            holds = f", holds for {duration_text(seconds)}"
            text += holds if seconds >= 1 else ", some of it stale already"
        terminal.line(text, dim=True)
    if subject.check_id:
        terminal.line(f"tell what comes of it: vmfit outcome {subject.check_id} migrated", dim=True)
