"""The answer to a diff, for people."""

from collections.abc import Callable

from vmfit.v1.comparator_service_pb2 import Difference, DifferenceKind, DiffResponse
from vmfit_comparator.diff import is_difference
from vmfit_comparator.render.terminal import Terminal, printable

_INDENT = 4
_SHOWN_FACTS = 8
_COLOURS = {
    DifferenceKind.DIFFERENCE_KIND_CHANGED: "yellow",
    DifferenceKind.DIFFERENCE_KIND_ONLY_LEFT: "red",
    DifferenceKind.DIFFERENCE_KIND_ONLY_RIGHT: "green",
    DifferenceKind.DIFFERENCE_KIND_UNKNOWN: "magenta",
}


def show_diff(response: DiffResponse, *, with_volatile: bool) -> Callable[[Terminal], None]:
    """Return what prints a line for every difference, and the facts it touches."""
    return lambda terminal: _show(terminal, response, with_volatile=with_volatile)


def _show(terminal: Terminal, response: DiffResponse, *, with_volatile: bool) -> None:
    left, right = _names(response)
    differing = sum(map(is_difference, response.differences))
    fields = "1 field" if differing == 1 else f"{differing or 'no'} fields"
    terminal.line(f"{left} and {right} differ in {fields}", bold=True)
    part = ""
    for each in response.differences:
        own_part = each.path.partition(".")[0]
        if own_part != part:
            part = own_part
            terminal.line()
        _show_difference(terminal, each, left, right)
    terminal.line()
    if not with_volatile:
        terminal.line("what changes at any moment is left out (--volatile shows it)", dim=True)


def _names(response: DiffResponse) -> tuple[str, str]:
    left, right = response.left_host or "left", response.right_host or "right"
    return (f"{left} (first)", f"{right} (second)") if left == right else (left, right)


def _show_difference(terminal: Terminal, each: Difference, left: str, right: str) -> None:
    path = printable(each.path)
    colour = _COLOURS.get(each.kind)
    style: dict[str, bool | str] = {"fg": colour} if colour else {}
    if each.kind == DifferenceKind.DIFFERENCE_KIND_EQUAL:
        terminal.line(f"{path}: equal: {each.left}", 0, _INDENT)
    elif each.kind == DifferenceKind.DIFFERENCE_KIND_UNKNOWN:
        texts = f"{left} {each.left or 'collected'}; {right} {each.right or 'collected'}"
        both = f"both {each.left}" if each.left == each.right else texts
        terminal.line(f"{path}: unknown: {both}", 0, _INDENT, **style)
    elif each.kind == DifferenceKind.DIFFERENCE_KIND_CHANGED:
        _show_change(terminal, each, left, right)
    else:
        is_left = each.kind == DifferenceKind.DIFFERENCE_KIND_ONLY_LEFT
        host, value = (left, each.left) if is_left else (right, each.right)
        terminal.line(f"{path}: only {host}: {value}", 0, _INDENT, **style)
    if each.facts and each.kind != DifferenceKind.DIFFERENCE_KIND_EQUAL:
        hidden = len(each.facts) - _SHOWN_FACTS
        more = f" and {hidden} more" if hidden > 0 else ""
        listed = ", ".join(each.facts[:_SHOWN_FACTS])
        terminal.line(f"matters to {listed}{more}", _INDENT, 2, dim=True)


def _show_change(terminal: Terminal, each: Difference, left: str, right: str) -> None:
    if each.only_left or each.only_right:
        terminal.line(f"{each.path}:", 0, _INDENT, fg="yellow")
        for host, values in ((left, each.only_left), (right, each.only_right)):
            if values:
                terminal.line(f"only {host}: {', '.join(values)}", _INDENT, 2)
        return
    arrow = "→" if terminal.symbols else "->"
    terminal.line(f"{each.path}: {each.left} {arrow} {each.right}", 0, _INDENT, fg="yellow")
