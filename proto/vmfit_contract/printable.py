"""Texts of hosts, files and peers as a terminal and a log may show them.

What can move the cursor, set colours, turn the direction of writing or hide letters is replaced:
control characters (C0 and C1), marks and overrides of direction (U+202A to U+202E, U+2066 to
U+2069), characters without width, surrogates, and what Unicode has not assigned.
"""

import logging
from collections.abc import Callable

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LINE_CHARACTERS = 500


def printable(text: str) -> str:
    """Return the text on one line: line breaks and tabs become blanks, what is not shown "�"."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else " " if each.isspace() else _REPLACEMENT for each in text
    )


def printable_lines(text: str) -> str:
    """Return the text with its line breaks, each line as `printable` has it."""
    return "\n".join(map(printable, text.split("\n")))


def one_line(text: str) -> str:
    """Return the text on one line of bounded length."""
    line = " ".join(printable(text).split())
    return line if len(line) <= _LINE_CHARACTERS else line[:_LINE_CHARACTERS] + "…"


class PrintableFormatter(logging.Formatter):
    """A record on one line; a traceback, where one is asked for, on lines of its own.

    `clean` is given the text first.
    """

    def __init__(self, layout: str, clean: Callable[[str], str] = str) -> None:
        super().__init__(layout)
        self._clean = clean

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        """Return the record's line, without the traceback."""
        return " ".join(printable(self._clean(super().formatMessage(record))).split())

    def formatException(self, ei: object) -> str:  # noqa: N802 -- logging's name
        """Return the traceback's lines."""
        return printable_lines(self._clean(super().formatException(ei)))  # type: ignore[arg-type]
