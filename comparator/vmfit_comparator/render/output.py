"""An answer in the form that was asked for."""

from collections.abc import Callable, Iterable

import click
from google.protobuf.message import Message

from vmfit_comparator.render.terminal import Terminal
from vmfit_contract.command_line.structured import is_structured, structured_text
from vmfit_contract.json_text import to_json
from vmfit_contract.printable import printable


def emit(
    message: Message,
    form: str,
    table: Callable[[], Callable[[Terminal], None]] | None = None,
    names: Iterable[str] = (),
) -> None:
    """Print a message in a structured form, its names, one a line, or as the table."""
    if is_structured(form):
        click.echo(structured_text(to_json(message), form), nl=False)
    elif form == "name":
        for each in names:
            click.echo(printable(each))
    else:
        assert table is not None
        table()(Terminal.of_stdout())
