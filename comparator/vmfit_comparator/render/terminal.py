"""What standard output can show, and text laid out for it. rich does the work."""

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from vmfit_contract.printable import printable

# Commands that print JSON import this module too, and have no use for rich.
if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.style import Style

_UNBOUNDED = 1 << 24
_MIN_WIDTH = 40
_MIN_LAST_COLUMN = 48
_BELOW = 4
_GAP = 2
_LONG_WORD = re.compile(r"\S{65,}")
_KEPT_OF_LONG_WORD = 24


class Terminal:
    """Where a table goes. On anything but a terminal: plain words, every text on one line."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        dumb = console.is_dumb_terminal or not console.is_terminal
        self.symbols = not dumb and "utf" in console.encoding.lower()

    @classmethod
    def of_stdout(cls) -> "Terminal":
        """Return what standard output is; NO_COLOR and a dumb terminal are respected."""
        from rich.console import Console  # noqa: PLC0415

        is_terminal = sys.stdout.isatty()
        return cls(
            Console(
                force_terminal=is_terminal,
                force_jupyter=False,
                # A pipe gets all of every text.
                width=None if is_terminal else _UNBOUNDED,
                legacy_windows=False,
            )
        )

    @property
    def width(self) -> int:
        """How many cells a line has."""
        return max(self._console.width, _MIN_WIDTH)

    @property
    def arrow(self) -> str:
        """What leads from one value to the next."""
        return "→" if self.symbols else "->"

    def line(
        self,
        text: str = "",
        indent: int = 0,
        hang: int = 0,
        *,
        colour: str | None = None,
        bold: bool = False,
        dim: bool = False,
    ) -> None:
        """Print one text, wrapped with `hang` more columns before all lines but the first."""
        from rich.padding import Padding  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        styled = Text(printable(text), _style(colour, bold=bold, dim=dim))
        wrapped = styled.wrap(self._console, self.width - indent - hang)
        for index, line in enumerate(wrapped or [styled]):
            left = indent + (hang if index else 0)
            self._print(Padding(line, (0, 0, 0, left), expand=False))

    def row(
        self,
        cells: Sequence[str],
        widths: Sequence[int],
        *,
        colour: str | None = None,
        bold: bool = False,
    ) -> None:
        """Print cells in columns; the last one is wrapped in its column, or below if narrow.

        `widths` are those of the whole table, of `column_widths`. Colour and weight are for the
        first cell. On a terminal a word too long to read is cut in its middle.
        """
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        *firsts, last = map(printable, cells)
        if self._console.is_terminal:
            last = _LONG_WORD.sub(self._shortened, last)
        column = sum(widths[:-1]) + _GAP * len(firsts)
        is_below = self.width - column < min(widths[-1], _MIN_LAST_COLUMN)
        table = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        # Where not even the first columns fit, they are not aligned.
        fits = column - _GAP <= self.width
        for width in widths[:-1]:
            table.add_column(min_width=width if fits else None, overflow="fold")
        styled = [Text(each, _style(bold=bold)) for each in firsts]
        styled[0].stylize(_style(colour, bold=bold))
        if not is_below:
            table.add_column(overflow="fold")
            styled.append(Text(last, _style(bold=bold)))
        table.add_row(*styled)
        self._print(table)
        if is_below:
            self.line(last, _BELOW, bold=bold)

    def _shortened(self, word: re.Match[str]) -> str:
        gap = "…" if self.symbols else "..."
        text = word.group()
        return f"{text[:_KEPT_OF_LONG_WORD]}{gap}{text[-_KEPT_OF_LONG_WORD:]}"

    def _print(self, renderable: "RenderableType") -> None:
        # rich pads lines with blanks; and what a broken pipe means is the command's to decide.
        with self._console.capture() as captured:
            self._console.print(renderable, markup=False, highlight=False, width=self.width)
        for line in captured.get().splitlines() or [""]:
            click.echo(line.rstrip(), color=True)


def column_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how many cells the columns need."""
    from rich.cells import cell_len  # noqa: PLC0415

    columns = zip(*rows, strict=True)
    return [max(cell_len(printable(cell)) for cell in column) for column in columns]


def _style(colour: str | None = None, *, bold: bool = False, dim: bool = False) -> "Style":
    from rich.style import Style  # noqa: PLC0415

    return Style(color=colour, bold=bold or None, dim=dim or None)
