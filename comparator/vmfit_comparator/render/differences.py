"""The answer to a diff, for people."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from vmfit.v1.comparator_service_pb2 import Difference, DifferenceKind, DiffResponse
from vmfit_comparator.differences.diff import is_difference
from vmfit_comparator.render.terminal import Terminal

_INDENT = 4
_SHOWN_FACTS = 8
_SHOWN_ELEMENTS = 3
_ONLY = (DifferenceKind.DIFFERENCE_KIND_ONLY_LEFT, DifferenceKind.DIFFERENCE_KIND_ONLY_RIGHT)
_COLOURS = {
    DifferenceKind.DIFFERENCE_KIND_CHANGED: "yellow",
    DifferenceKind.DIFFERENCE_KIND_ONLY_LEFT: "red",
    DifferenceKind.DIFFERENCE_KIND_ONLY_RIGHT: "green",
    DifferenceKind.DIFFERENCE_KIND_UNKNOWN: "magenta",
}


def show_diff(
    response: DiffResponse,
    typed: tuple[str, str] = ("first", "second"),
    *,
    with_volatile: bool,
    show_all: bool = False,
) -> Callable[[Terminal], None]:
    """Return what prints a line for every difference, and the facts it touches.

    Hosts that call themselves alike are told apart by what was `typed` for them. Several elements
    of one list that only one host has are one line, unless `show_all`.
    """
    names = _names(response, typed)
    return lambda terminal: _show(
        terminal, response, names, with_volatile=with_volatile, show_all=show_all
    )


def _show(
    terminal: Terminal,
    response: DiffResponse,
    names: tuple[str, str],
    *,
    with_volatile: bool,
    show_all: bool,
) -> None:
    left, right = names
    differing = sum(map(is_difference, response.differences))
    fields = "1 field" if differing == 1 else f"{differing or 'no'} fields"
    terminal.line(f"{left} and {right} differ in {fields}", bold=True)
    for _, part in groupby(response.differences, key=lambda each: each.path.partition(".")[0]):
        terminal.line()
        for facts, group in groupby(part, key=_facts):
            members = list(group)
            for each in members if show_all else _folded(members):
                _show_difference(terminal, each, left, right)
            if facts:
                these = "matters" if len(members) == 1 else f"these {len(members)} matter"
                terminal.line(f"{these} to {facts}", _INDENT, 2, dim=True)
    terminal.line()
    if not with_volatile:
        terminal.line("what changes at any moment is left out (--volatile shows it)", dim=True)


def _names(response: DiffResponse, typed: tuple[str, str]) -> tuple[str, str]:
    left, right = response.left_host or "left", response.right_host or "right"
    if left != right:
        return left, right
    first, second = typed if typed[0] != typed[1] else ("first", "second")
    return f"{left} ({first})", f"{right} ({second})"


def _facts(each: Difference) -> str:
    if each.kind == DifferenceKind.DIFFERENCE_KIND_EQUAL:
        return ""
    hidden = len(each.facts) - _SHOWN_FACTS
    more = f" and {hidden} more" if hidden > 0 else ""
    return f"{', '.join(each.facts[:_SHOWN_FACTS])}{more}"


def _folded(differences: Iterable[Difference]) -> Iterator[Difference]:
    """Yield them with the elements of a list that only one host has as one difference."""
    for (kind, path), group in groupby(differences, key=_list_of):
        members = list(group)
        if not path or len(members) <= _SHOWN_ELEMENTS:
            yield from members
            continue
        keys = ", ".join(each.path[len(path) + 1 : -1] for each in members)
        yield Difference(path=path, kind=kind, left=keys, right=keys)


def _list_of(each: Difference) -> tuple[DifferenceKind.ValueType, str]:
    """Return the list that a whole element of it is only on one side of; else an empty text."""
    depth = 0
    if each.kind in _ONLY and each.path.endswith("]"):
        for place in range(len(each.path) - 1, 0, -1):
            depth += {"]": 1, "[": -1}.get(each.path[place], 0)
            if not depth:
                return each.kind, each.path[:place]
    return each.kind, ""


def _show_difference(terminal: Terminal, each: Difference, left: str, right: str) -> None:
    colour = _COLOURS.get(each.kind)
    if each.kind == DifferenceKind.DIFFERENCE_KIND_EQUAL:
        terminal.line(f"{each.path}: equal: {each.left}", 0, _INDENT)
    elif each.kind == DifferenceKind.DIFFERENCE_KIND_UNKNOWN:
        texts = f"{left} {each.left or 'collected'}; {right} {each.right or 'collected'}"
        both = f"both {each.left}" if each.left == each.right else texts
        terminal.line(f"{each.path}: unknown: {both}", 0, _INDENT, colour=colour)
    elif each.summary:
        terminal.line(f"{each.path}: {each.summary}", 0, _INDENT, colour=colour)
    elif each.only_left or each.only_right:
        terminal.line(f"{each.path}:", 0, _INDENT, colour=colour)
        for host, values in ((left, each.only_left), (right, each.only_right)):
            if values:
                terminal.line(f"only {host}: {', '.join(values)}", _INDENT, 2)
    elif each.kind == DifferenceKind.DIFFERENCE_KIND_CHANGED:
        text = f"{each.path}: {each.left} {terminal.arrow} {each.right}"
        terminal.line(text, 0, _INDENT, colour=colour)
    else:
        is_left = each.kind == DifferenceKind.DIFFERENCE_KIND_ONLY_LEFT
        host, value = (left, each.left) if is_left else (right, each.right)
        terminal.line(f"{each.path}: only {host}: {value}", 0, _INDENT, colour=colour)
