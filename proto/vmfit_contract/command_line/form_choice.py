"""The form of an answer: -o, --output. A file to write is --file."""

from collections.abc import Sequence

import click

JSONPATH = "jsonpath="
"""What an expression of RFC 9535 follows."""
_SHOWN = f"{JSONPATH}EXPRESSION"


class FormChoice(click.Choice[str]):
    """One of some forms, or "jsonpath=EXPRESSION" with an expression that can be evaluated.

    Who names a file there is told where files are named.
    """

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__([*choices, _SHOWN])

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the form. Raises click.BadParameter."""
        if value.startswith(JSONPATH):
            from vmfit_contract.command_line.structured import jsonpath_complaint  # noqa: PLC0415

            if why := jsonpath_complaint(value.removeprefix(JSONPATH)):
                self.fail(f"{value[:200]!r}: {why}", param, ctx)
            return value
        looks_like_file = "/" in value or "." in value
        if looks_like_file and ctx is not None:
            takes_file = any("--file" in each.opts for each in ctx.command.params)
            if takes_file:
                forms = ", ".join(self.choices)
                self.fail(f"{value!r} is none of {forms}; write to it by --file", param, ctx)
        return super().convert(value, param, ctx)
