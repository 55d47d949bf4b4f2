"""Certificates for people."""

from collections.abc import Sequence

from vmfit_comparator.certs.summary import Summary
from vmfit_comparator.render.terminal import Terminal, column_widths

_SOON_DAYS = 30


def show_certificates(summaries: Sequence[Summary], terminal: Terminal) -> None:
    """Print what each certificate is called, good for, and how long."""
    for index, each in enumerate(summaries):
        if index:
            terminal.line()
        terminal.line(each.file, bold=True)
        rows = _rows(each)
        widths = column_widths(rows)
        for cells in rows:
            is_bad = cells[0] == "expires" and (each.trouble or each.days_left < _SOON_DAYS)
            terminal.row(cells, widths, colour="red" if is_bad else None)


def _rows(each: Summary) -> list[tuple[str, str]]:
    left = f"in {each.days_left} days" if each.days_left >= 0 else "expired"
    if each.trouble == "not valid yet":
        left = f"not valid before {each.not_before}"
    rows = [
        ("subject", each.subject),
        ("names", ", ".join(each.names) or "none"),
        ("good for", ", ".join(each.uses) or "nothing that vmfit does"),
        ("expires", f"{each.not_after} ({left})"),
        ("issued by", "itself" if each.issuer == each.subject else each.issuer),
    ]
    return [*rows, ("key", each.key)] if each.key else rows
