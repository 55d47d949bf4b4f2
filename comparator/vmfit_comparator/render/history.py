"""What changed on hosts, and what that turned, for people."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from vmfit.v1.comparator_service_pb2 import (
    Difference,
    DifferenceKind,
    FactTurn,
    FindTurnResponse,
    GetHostHistoryResponse,
    Turn,
)
from vmfit.v1.finding_pb2 import Verdict
from vmfit_comparator.render.answers import answer_text, colour, symbol
from vmfit_comparator.render.differences import folded
from vmfit_comparator.render.terminal import Terminal
from vmfit_comparator.render.times import shown_time

_INDENT = 2
_DEEPER = 4


def show_history(response: GetHostHistoryResponse) -> Callable[[Terminal], None]:
    """Return what prints a paragraph for each change, the earliest first."""
    return lambda terminal: _show_history(terminal, response)


def show_turn(response: FindTurnResponse) -> Callable[[Terminal], None]:
    """Return what prints since when the verdict is what it is, and the facts."""
    return lambda terminal: _show_turn(terminal, response)


def _show_history(terminal: Terminal, response: GetHostHistoryResponse) -> None:
    host, known = response.host, shown_time(response.known_since)
    until = shown_time(response.seen_until)
    if not response.changes:
        terminal.line(f"{host}: nothing changed that is kept, from {known} to {until}")
        return
    if response.has_earlier:
        terminal.line(
            "earlier changes are left out (--since, --until and --limit choose)", dim=True
        )
    else:
        terminal.line(f"{host} is known since {known}", dim=True)
    for change in response.changes:
        terminal.line()
        at, before = shown_time(change.at), shown_time(change.seen_before)
        terminal.line(f"{at} (as before at {before})", bold=True)
        _show_differences(terminal, change.differences, _INDENT)
    terminal.line()
    terminal.line(f"{host} was last seen at {until}", dim=True)


def _show_turn(terminal: Terminal, response: FindTurnResponse) -> None:
    subject, verdict = response.subject, response.verdict
    mark = f"{symbol(verdict.answer)} " if terminal.symbols else ""
    hosts = f"{subject.source_host} {terminal.arrow} {subject.destination_host}"
    terminal.line(
        f"{mark}{_verdict(verdict)}: {subject.vm_name or 'the VM'}, {hosts}",
        colour=colour(verdict.answer),
        bold=True,
    )
    looked = shown_time(response.looked_back_to)
    if response.HasField("turn"):
        before = _verdict(response.verdict_before)
        terminal.line(f"since {_when(response.turn)}; before: {before}", hang=2)
    else:
        terminal.line(f"at all times that were looked at, since {looked}", hang=2)
    shown = set()
    for each in response.facts:
        terminal.line()
        _show_fact(terminal, each, looked)
        shown |= {(found.host, found.difference.path) for found in each.turn.differences}
    rest = [
        each for each in response.turn.differences if (each.host, each.difference.path) not in shown
    ]
    if rest and not any(each.HasField("turn") for each in response.facts):
        terminal.line()
        terminal.line("what changed at that time:")
        _show_hosts(terminal, Turn(differences=rest))
    if response.is_incomplete:
        terminal.line()
        terminal.line(f"looked back to {looked} only, as far as --timeout allowed", colour="yellow")


def _verdict(verdict: Verdict) -> str:
    acceptable = "acceptable" if verdict.acceptable else "not acceptable"
    return f"{answer_text(verdict.answer, verdict.quality)}, {acceptable}"


def _show_fact(terminal: Terminal, told: FactTurn, looked: str) -> None:
    finding = told.finding
    answer = answer_text(finding.answer, finding.quality)
    terminal.line(
        f"{finding.fact} {answer}: {finding.reason}", hang=_DEEPER, colour=colour(finding.answer)
    )
    if not told.HasField("turn"):
        terminal.line(f"at all times that were looked at, since {looked}", _INDENT)
        return
    before = told.before
    terminal.line(f"since {_when(told.turn)}", _INDENT)
    was = answer_text(before.answer, before.quality)
    terminal.line(f"before {was}: {before.reason}", _INDENT, _DEEPER)
    _show_hosts(terminal, told.turn)


def _show_hosts(terminal: Terminal, turn: Turn) -> None:
    for host, found in groupby(turn.differences, key=lambda each: each.host):
        terminal.line(f"on {host}:", _INDENT)
        _show_differences(terminal, [each.difference for each in found], _DEEPER)


def _show_differences(terminal: Terminal, differences: Iterable[Difference], indent: int) -> None:
    found = list(differences)
    for each, _ in folded(found, terminal.arrow):
        terminal.line(_words(each, terminal.arrow), indent, 2)


def _words(each: Difference, arrow: str) -> str:
    kind = each.kind
    if each.summary:
        return f"{each.path}: {each.summary}"
    if kind == DifferenceKind.DIFFERENCE_KIND_UNKNOWN:
        return f"{each.path}: {each.left or 'collected'} {arrow} {each.right or 'collected'}"
    if kind == DifferenceKind.DIFFERENCE_KIND_ONLY_LEFT:
        return f"{each.path}: gone{_value(', it was ', each.left)}"
    if kind == DifferenceKind.DIFFERENCE_KIND_ONLY_RIGHT:
        return f"{each.path}: new{_value(', ', each.right)}"
    if each.only_left or each.only_right:
        return f"{each.path}: {_sets(each.only_left, each.only_right)}"
    return f"{each.path}: {each.left} {arrow} {each.right}"


def _value(before: str, text: str) -> str:
    return f"{before}{text}" if text else ""


def _sets(gone: Sequence[str], new: Sequence[str]) -> str:
    parts = [
        f"{word} {', '.join(values)}" for word, values in (("gone", gone), ("new", new)) if values
    ]
    return "; ".join(parts)


def _when(turn: Turn) -> str:
    return f"{shown_time(turn.at)} (otherwise at {shown_time(turn.seen_before)})"
