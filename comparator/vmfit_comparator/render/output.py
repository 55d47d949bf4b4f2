"""An answer in the form that was asked for."""

import json
from collections.abc import Callable

import click
from google.protobuf.message import Message

from vmfit_comparator.render.terminal import Terminal
from vmfit_contract.json_text import to_json
from vmfit_contract.printable import printable_lines


def emit(
    message: Message, form: str, table: Callable[[], Callable[[Terminal], None]] | None = None
) -> None:
    """Print a message as "json", as "yaml" with the same data, or as the table."""
    if form == "json":
        click.echo(to_json(message), nl=False)
    elif form == "yaml":
        click.echo(_yaml(json.loads(to_json(message))), nl=False)
    else:
        assert table is not None
        table()(Terminal.of_stdout())


def _yaml(tree: object) -> str:
    """Return YAML that a terminal shows as it is written."""
    import yaml  # noqa: PLC0415 -- slow to load, and seldom asked for

    class Dumper(yaml.SafeDumper):
        """Quotes every text that has to be escaped: PyYAML escapes only some of them."""

    def represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        style = None if printable_lines(text) == text else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    written = yaml.dump(tree, Dumper=Dumper, sort_keys=False, allow_unicode=True)
    return "".join(
        each if each.isprintable() or each == "\n" else f"\\U{ord(each):08x}" for each in written
    )
