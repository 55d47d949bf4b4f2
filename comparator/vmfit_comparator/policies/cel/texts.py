"""What can be told of an expression by its text."""

import re
from collections.abc import Iterable, Mapping

from vmfit_comparator.policies.cel.errors import ExpressionError
from vmfit_comparator.policies.cel.scope import Scope

MAX_EXPRESSION_CHARACTERS = 4096
MAX_NESTING = 32

# A backslash escapes what follows it, but in raw texts.
_TEXT_LITERAL = re.compile(
    r"""(?<!\w)(?:[rR][bB]?|[bB][rR])(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')"""
    r"""|\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
)
_PATH = re.compile(r"(?<![\w.])(source|destination|vm|incoming|options)((?:\.\w+)+)(\()?")
_HAS = re.compile(r"\bhas\(\s*([\w.]+)\s*\)")
_BRACKET = re.compile(r"[(\[{]|[)\]}]")


def check_text(text: str) -> None:
    """Raise ExpressionError for an expression that is empty, too long, or nested too deeply."""
    if not text.strip():
        raise ExpressionError("is empty")
    if len(text) > MAX_EXPRESSION_CHARACTERS:
        raise ExpressionError(f"is longer than {MAX_EXPRESSION_CHARACTERS} characters")
    depth = 0
    for bracket in _BRACKET.findall(_without_texts(text)):
        depth += 1 if bracket in "([{" else -1
        if depth > MAX_NESTING:
            raise ExpressionError(f"has more than {MAX_NESTING} brackets within each other")


def paths_read(text: str) -> list[str]:
    """Return the field paths that an expression takes values from, those under has() left out.

    CEL gives the default of an unset field, zero, as if it were a value; these are the fields that
    must be set for its result to mean anything.
    """
    plain = _without_texts(text)
    guarded = {match[1] for match in _HAS.finditer(plain)}
    paths: dict[str, None] = {}
    for match in _PATH.finditer(_HAS.sub("true", plain)):
        names = match[2].split(".")[1:]
        if match[3]:  # The last name is a method: size(), all(...), startsWith(...).
            names.pop()
        path = ".".join([match[1], *names])
        if names and not any(
            path == each or each.startswith(f"{path}.") or path.startswith(f"{each}.")
            for each in guarded
        ):
            paths[path] = None
    return list(paths)


def fields_named(texts: Iterable[str], scope: Scope) -> Mapping[str, frozenset[str] | None]:
    """Return the variables that expressions may name, each with the first names after it.

    None stands for all: a variable is named by itself, or in a way that the text does not tell.
    """
    plain = " ; ".join(map(_without_texts, texts))
    named: dict[str, frozenset[str] | None] = {}
    for variable in scope.variables:
        found = re.findall(rf"\b{variable}\b(?:\s*\.\s*([A-Za-z_]\w*))?", plain)
        if found:
            named[variable] = None if "" in found else frozenset(found)
    return named


def _without_texts(text: str) -> str:
    return _TEXT_LITERAL.sub("''", text)
