"""The form of an answer: -o, --output. A file to write is --file."""

import click


class FormChoice(click.Choice[str]):
    """One of some forms; who names a file there is told where files are named."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the form. Raises click.BadParameter."""
        looks_like_file = "/" in value or "." in value
        if looks_like_file and ctx is not None:
            takes_file = any("--file" in each.opts for each in ctx.command.params)
            if takes_file:
                forms = ", ".join(self.choices)
                self.fail(f"{value!r} is none of {forms}; write to it by --file", param, ctx)
        return super().convert(value, param, ctx)
