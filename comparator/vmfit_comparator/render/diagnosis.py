"""What a doctor found, for people."""

from collections.abc import Sequence

from vmfit_comparator.diagnosis import Check
from vmfit_comparator.render.terminal import Terminal, column_widths

_COLOURS = {"ok": "green", "partly": "yellow", "missing": "red"}


def show_diagnosis(checks: Sequence[Check], terminal: Terminal) -> None:
    """Print the state of everything that was tried, and below it why and what to do."""
    rows = [(each.state, each.name) for each in checks]
    widths = column_widths(rows)
    for each, row in zip(checks, rows, strict=True):
        terminal.row(row, widths, colour=_COLOURS[each.state])
        for line in (*each.reasons, *(f"-> {remedy}" for remedy in each.remedies)):
            terminal.row(("", line), widths)
