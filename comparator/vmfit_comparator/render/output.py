"""An answer in the form that was asked for."""

import json
from collections.abc import Callable

import click
from google.protobuf.message import Message

from vmfit_comparator.render.terminal import Terminal
from vmfit_contract.json_text import to_json


def emit(message: Message, form: str, table: Callable[[], Callable[[Terminal], None]]) -> None:
    """Print a response as "json", as "yaml" with the same data, or as the table."""
    if form == "json":
        click.echo(to_json(message), nl=False)
    elif form == "yaml":
        import yaml  # noqa: PLC0415 -- slow to load, and seldom asked for

        tree = json.loads(to_json(message))
        click.echo(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), nl=False)
    else:
        table()(Terminal.of_stdout())
