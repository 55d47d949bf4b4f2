"""The answer to a diff, for people."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby

from vmfit.v1.comparator_service_pb2 import Difference, DifferenceKind, DiffResponse
from vmfit_comparator.differences.diff import is_difference
from vmfit_comparator.differences.difference_path import elements, schema_path
from vmfit_comparator.render.terminal import Terminal, column_widths

_INDENT = 4
_SHOWN_FACTS = 8
_SHOWN_ELEMENTS = 3
_SHOWN_CHANGES = 8
_ONLY = (DifferenceKind.DIFFERENCE_KIND_ONLY_LEFT, DifferenceKind.DIFFERENCE_KIND_ONLY_RIGHT)
_COUNTED = (
    DifferenceKind.DIFFERENCE_KIND_CHANGED,
    *_ONLY,
    DifferenceKind.DIFFERENCE_KIND_UNKNOWN,
)
_FOLDED = (DifferenceKind.DIFFERENCE_KIND_CHANGED, *_ONLY)
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
    of one list that only one host has are one line, and so is a field that differs in many elements
    of a list, unless `show_all`.
    """
    names = _names(response, typed)
    return lambda terminal: _show(
        terminal, response, names, with_volatile=with_volatile, show_all=show_all
    )


def show_stat(
    response: DiffResponse, typed: tuple[str, str] = ("first", "second")
) -> Callable[[Terminal], None]:
    """Return what prints a line for every part that differs: how much, and how many facts care."""
    names = _names(response, typed)
    return lambda terminal: _show_stat(terminal, response, names)


def _show_stat(terminal: Terminal, response: DiffResponse, names: tuple[str, str]) -> None:
    found = [each for each in response.differences if is_difference(each)]
    if not found:
        terminal.line(f"{names[0]} and {names[1]} do not differ")
        return
    headings = ("PART", "CHANGED", *(f"ONLY {each}" for each in names), "UNKNOWN", "FACTS")
    rows = [headings]
    for part, group in groupby(found, key=lambda each: each.path.partition(".")[0]):
        members = list(group)
        kinds = Counter(each.kind for each in members)
        facts = {fact for each in members for fact in each.facts}
        rows.append((part, *(str(kinds[kind]) for kind in _COUNTED), str(len(facts))))
    widths = column_widths(rows)
    for row in rows:
        terminal.row(row, widths, bold=row is headings)


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
        found = list(part)
        rows = [(each, 1) for each in found] if show_all else folded(found, terminal.arrow)
        for facts, group in groupby(rows, key=lambda row: _facts(row[0])):
            members = list(group)
            for each, _ in members:
                _show_difference(terminal, each, left, right)
            if facts:
                count = sum(count for _, count in members)
                these = "matters" if count == 1 else f"these {count} matter"
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


def folded(differences: Sequence[Difference], arrow: str) -> list[tuple[Difference, int]]:
    """Return them with how many each stands for.

    The elements of a list that only one host has are one, and so is a field that has changed in
    many of them; each stands where the first of them was.
    """
    groups: dict[tuple[object, ...], list[Difference]] = {}
    for place, each in enumerate(differences):
        kind, path = _list_of(each)
        schema = "" if each.summary or each.kind not in _FOLDED else schema_path(each.path)
        is_element = bool(schema) and not path and "[" in each.path
        key = (kind, path or schema, _facts(each)) if path or is_element else (place,)
        groups.setdefault(key, []).append(each)
    rows: list[tuple[Difference, int]] = []
    for members in groups.values():
        path = _list_of(members[0])[1]
        if len(members) <= (_SHOWN_ELEMENTS if path else _SHOWN_CHANGES):
            rows += [(each, 1) for each in members]
        else:
            rows.append((_whole(members, path) if path else _many(members, arrow), len(members)))
    return rows


def _whole(members: Sequence[Difference], path: str) -> Difference:
    keys = ", ".join(each.path[len(path) + 1 : -1] for each in members)
    first = members[0]
    return Difference(path=path, kind=first.kind, left=keys, right=keys, facts=first.facts)


def _many(members: Sequence[Difference], arrow: str) -> Difference:
    first = members[0]
    examples = [
        f"{elements(each.path)}: {each.left or 'none'} {arrow} {each.right or 'none'}"
        if each.left or each.right
        else elements(each.path)
        for each in members[:_SHOWN_ELEMENTS]
    ]
    shown = f"{'; '.join(examples)} and {len(members) - len(examples)} more (--all shows them)"
    return Difference(
        path=schema_path(first.path),
        kind=first.kind,
        summary=f"differs in {len(members)} elements: {shown}",
        facts=first.facts,
    )


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
