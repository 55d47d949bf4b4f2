"""The answer to a ranking, for people."""

from collections.abc import Callable, Sequence

from vmfit.v1.comparator_service_pb2 import CheckResponse, RankResponse
from vmfit_comparator.render.answers import answer_text, colour, symbol
from vmfit_comparator.render.terminal import Terminal, column_widths

_SHOWN_FACTS = 4


def show_ranking(response: RankResponse) -> Callable[[Terminal], None]:
    """Return what prints a line for every destination, the best first."""
    return lambda terminal: _show(terminal, response)


def _show(terminal: Terminal, response: RankResponse) -> None:
    checks = response.checks
    subjects = [each.subject for each in checks if each.subject.source_host]
    if subjects:
        terminal.line(
            f"{subjects[0].vm_name or 'the VM'}, from {subjects[0].source_host}", bold=True
        )
    rows = [_cells(terminal, each) for each in checks]
    widths = column_widths(rows)
    for check, row in zip(checks, rows, strict=True):
        terminal.row(row, widths, colour=colour(check.verdict.answer))
    if len(checks) < response.host_count:
        terminal.line(f"{len(checks)} of {response.host_count} hosts; not acceptable are:")
        for each in response.why_not:
            hosts = "host" if each.host_count == 1 else "hosts"
            terminal.line(f"{each.host_count} {hosts}: {each.blocker or 'no answer'}")


def _cells(terminal: Terminal, check: CheckResponse) -> tuple[str, str, str]:
    verdict = check.verdict
    answer = answer_text(verdict.answer, verdict.quality)
    mark = f"{symbol(verdict.answer)} " if terminal.symbols else ""
    return f"{mark}{answer}", check.subject.destination_host, _why(check)


def _why(check: CheckResponse) -> str:
    verdict = check.verdict
    if check.subject.errors:
        return f"not acceptable: {check.subject.errors[0].error}"
    if not verdict.acceptable:
        return f"not acceptable: {_listed(verdict.blockers) or 'no fact decides'}"
    return f"acceptable; look at {_listed(verdict.warnings)}" if verdict.warnings else "acceptable"


def _listed(facts: Sequence[str]) -> str:
    hidden = len(facts) - _SHOWN_FACTS
    more = f" and {hidden} more" if hidden > 0 else ""
    return f"{', '.join(facts[:_SHOWN_FACTS])}{more}"
