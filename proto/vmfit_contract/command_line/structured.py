"""Answers for programs: JSON as it is, the same data as YAML, or what a JSONPath selects of it."""

import json
from collections.abc import Iterator

from vmfit_contract.command_line.form_choice import JSONPATH
from vmfit_contract.printable import printable, printable_lines

_MAX_EXPRESSION = 4096


def is_structured(form: str) -> bool:
    """Return whether `structured_text` writes this form."""
    return form in ("json", "yaml") or form.startswith(JSONPATH)


def structured_text(document: str, form: str) -> str:
    """Return a JSON document in a structured form; it ends with a line break unless it is empty.

    A JSONPath gives a line for every value that it selects: texts as they are, all else as JSON.
    """
    if form == "json":
        return document
    tree = json.loads(document)
    if form == "yaml":
        return _yaml(tree)
    return "".join(f"{line}\n" for line in _selected(tree, form.removeprefix(JSONPATH)))


def jsonpath_complaint(expression: str) -> str:
    """Return what is wrong with a JSONPath, on one line; empty for nothing."""
    from jsonpath import JSONPathError, compile  # noqa: A004, PLC0415 -- slow to load, seldom used

    if len(expression) > _MAX_EXPRESSION:
        return f"longer than {_MAX_EXPRESSION} characters"
    try:
        compile(_query(expression))
    except (JSONPathError, RecursionError) as error:
        return f"no JSONPath: {str(error).partition(chr(10))[0]}"
    return ""


def _query(expression: str) -> str:
    """Return an expression as RFC 9535 has it: kubectl puts it in braces, and leaves out the $."""
    bare = expression.strip()
    if bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1].strip()
    if bare.startswith("$"):
        return bare
    return f"${bare}" if bare.startswith((".", "[")) else f"$.{bare}"


def _selected(tree: object, expression: str) -> Iterator[str]:
    from jsonpath import finditer  # noqa: PLC0415 -- as above

    # The library takes what can be a document; an answer is always one.
    assert isinstance(tree, dict | list)
    for match in finditer(_query(expression), tree):
        value = match.value
        yield printable(value) if isinstance(value, str) else json.dumps(value)


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
