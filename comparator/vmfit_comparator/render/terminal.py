"""What standard output can show: its width, colours and symbols; and text laid out for it."""

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import click

_MIN_WIDTH = 40
_MIN_LAST_COLUMN = 24
_BELOW = 4
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a table goes. On anything but a terminal: plain words, every text on one line."""

    width: int | None = None
    """None does not wrap: a pipe gets all of every text."""
    colours: bool = False
    symbols: bool = False

    @classmethod
    def of_stdout(cls) -> "Terminal":
        """Return what standard output is; NO_COLOR and a dumb terminal are respected."""
        if not sys.stdout.isatty():
            return cls()
        dumb = os.environ.get("TERM") == "dumb"
        return cls(
            width=max(shutil.get_terminal_size().columns, _MIN_WIDTH),
            colours=not os.environ.get("NO_COLOR") and not dumb,
            symbols="utf" in (sys.stdout.encoding or "").lower() and not dumb,
        )

    def line(self, text: str = "", indent: int = 0, hang: int = 0, **style: bool | str) -> None:
        """Print one text, wrapped with `hang` more columns before all lines but the first."""
        for line in self.wrapped(text, indent, indent + hang):
            self._print(self.styled(line, **style))

    def wrapped(self, text: str, indent: int = 0, hanging: int = 0) -> list[str]:
        """Return the text as lines that fit; a word that does not fit is cut, never lost."""
        if self.width is None:
            return [" " * indent + printable(text)]
        return textwrap.wrap(
            printable(text),
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * hanging,
            break_on_hyphens=False,
        ) or [""]

    def styled(self, text: str, **style: bool | str) -> str:
        """Return the text in colour, where there are colours."""
        return click.style(text, **style) if self.colours and style else text  # type: ignore[arg-type]

    def row(self, cells: Sequence[str], widths: Sequence[int], **style: bool | str) -> None:
        """Print cells in columns; the last one is wrapped within its column, or below if narrow.

        `style` is for the first cell.
        """
        *firsts, last = map(printable, cells)
        padded = [cell.ljust(width) for cell, width in zip(firsts, widths, strict=True)]
        head = _GAP.join(padded)
        column = len(head) + len(_GAP)
        lines = [last]
        if self.width is not None:
            below = self.width - column < _MIN_LAST_COLUMN
            column = _BELOW if below else column
            wrapped = textwrap.wrap(last, self.width - column, break_on_hyphens=False) or [""]
            lines = ["", *wrapped] if below else wrapped
        shown = self.styled(padded[0], **style) + head[len(padded[0]) :]
        self._print(f"{shown}{_GAP}{lines[0]}".rstrip())
        for line in lines[1:]:
            self._print(" " * column + line)

    def _print(self, line: str) -> None:
        # Whether there are colours is decided already.
        click.echo(line, color=self.colours)


def column_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how wide the columns but the last must be."""
    return [
        max(len(printable(cell)) for cell in column)
        for column in list(zip(*rows, strict=True))[:-1]
    ]


def printable(text: str) -> str:
    """Return a text on one line and without control characters: hosts and VMs name themselves."""
    return "".join(
        each if each.isprintable() else " " if each.isspace() else "\N{REPLACEMENT CHARACTER}"
        for each in text
    )
