"""The catalogue of facts and the inventory, for people and as Markdown."""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from vmfit.v1.comparator_service_pb2 import InventoryHost
from vmfit.v1.finding_pb2 import Consequence, FactDescription
from vmfit.v1.options_pb2 import Volatility
from vmfit_comparator.render.terminal import Terminal, column_widths

_CONSEQUENCES = {
    Consequence.CONSEQUENCE_FAILS: "the migration is refused or fails",
    Consequence.CONSEQUENCE_BREAKS_GUEST: "the guest is not the same afterwards",
    Consequence.CONSEQUENCE_ADVISORY: "something is worse than it could be (advice)",
}
_INDENT = 2
_SHOWN_STEPS = 3


def show_facts(
    facts: Sequence[FactDescription], *, wide: bool = False
) -> Callable[[Terminal], None]:
    """Return what prints a line for every fact; a wide one says what a no means, too."""
    rows = [(each.id, *([_meaning(each)] if wide else []), each.question) for each in facts]
    return lambda terminal: _rows(terminal, rows)


def show_fact(facts: Sequence[FactDescription]) -> Callable[[Terminal], None]:
    """Return what explains facts: the question, the rule, what is read."""
    return lambda terminal: _explain(terminal, facts)


def show_hosts(hosts: Sequence[InventoryHost], *, wide: bool = False) -> Callable[[Terminal], None]:
    """Return what prints a line for every host; a wide one has the host's own name in a column."""
    if not hosts:
        text = "the inventory has no hosts: they are [hosts.NAME] of the configuration file"
        return lambda terminal: terminal.line(text)
    return lambda terminal: _host_rows(terminal, hosts, wide=wide)


def catalogue_markdown(facts: Iterable[FactDescription]) -> str:
    """Return the catalogue as a Markdown document."""
    lines = [
        "# Facts",
        "",
        "Every fact that vmfit answers for a VM, a source and a destination.",
        "Generated from their declarations by `vmfit facts --markdown`; do not edit.",
        "",
    ]
    areas = [
        (area, list(members))
        for area, members in groupby(facts, key=lambda each: each.id.partition(".")[0])
    ]
    for area, members in areas:
        links = (f"[{each.id.partition('.')[2]}](#{each.id.replace('.', '')})" for each in members)
        lines.append(f"- [{area}](#{area}): {', '.join(links)}")
    for area, members in areas:
        lines += ["", f"## {area}", ""]
        for each in members:
            lines += _markdown(each)
        lines.pop()
    return "\n".join(lines).rstrip("\n") + "\n"


def _rows(terminal: Terminal, rows: Sequence[Sequence[str]]) -> None:
    widths = column_widths(rows) if rows else []
    for row in rows:
        terminal.row(row, widths)


def _host_rows(terminal: Terminal, hosts: Sequence[InventoryHost], *, wide: bool) -> None:
    headings = ["NAME", "ADDRESS", *(["HOSTNAME"] if wide else []), "AGENT", "STATE"]
    rows = [_host_cells(each, wide=wide) for each in hosts]
    widths = column_widths([headings, *rows])
    terminal.row(headings, widths, bold=True)
    for host, row in zip(hosts, rows, strict=True):
        terminal.row(row, widths, colour="red" if host.error else "green")


def _host_cells(host: InventoryHost, *, wide: bool) -> list[str]:
    state = host.error or ("answers" if host.reachable else "unknown")
    if host.hostname and host.hostname != host.name and not wide:
        state += f", calls itself {host.hostname}"
    own_name = [host.hostname or "-"] if wide else []
    return [host.name, host.address, *own_name, host.agent_version or "-", state]


def _meaning(fact: FactDescription) -> str:
    """Return what a no means, as the catalogue calls it in one word."""
    name = Consequence.Name(fact.consequence).removeprefix("CONSEQUENCE_")
    return name.lower().replace("_", " ")


def _explain(terminal: Terminal, facts: Sequence[FactDescription]) -> None:
    for index, each in enumerate(facts):
        if index:
            terminal.line()
        terminal.line(f"{each.id}: {each.question}", 0, _INDENT, bold=True)
        for paragraph in _paragraphs(each):
            terminal.line()
            terminal.line(" ".join(paragraph.split()), _INDENT, 0)
        terminal.line()
        for label, text in _properties(each):
            terminal.line(f"{label}: {text.replace('`', '')}", _INDENT, _INDENT)


def _markdown(each: FactDescription) -> list[str]:
    lines = [f"### {each.id}", "", f"**{each.question}**", ""]
    for paragraph in _paragraphs(each):
        lines += [*textwrap.dedent(paragraph).strip("\n").split("\n"), ""]
    lines += [f"- {label}: {text}" for label, text in _properties(each)]
    return [*lines, ""]


def _paragraphs(each: FactDescription) -> list[str]:
    # A docstring's first line is not indented, the others are.
    first, _, rest = each.description.partition("\n")
    text = f"{first.strip()}\n{textwrap.dedent(rest)}".strip()
    return text.split("\n\n") if text else []


def _properties(each: FactDescription) -> list[tuple[str, str]]:
    known = each.volatility != Volatility.VOLATILITY_UNSPECIFIED
    volatility = Volatility.Name(each.volatility).removeprefix("VOLATILITY_").lower()
    if each.HasField("fresh_for") and each.fresh_for.seconds:
        volatility += f", fresh for {each.fresh_for.seconds} s under the default policy"
    rows = [
        ("a no means", _CONSEQUENCES.get(each.consequence, "unspecified")),
        ("asks one by one about", ", ".join(each.subjects)),
        ("only for guests of type", ", ".join(each.hypervisors)),
        ("only for the architectures", ", ".join(each.architectures)),
        ("applies if set", _paths(each.applies_if)),
        ("offline migrations", "asked about too" if each.offline else "not asked about"),
        ("reads", _paths(each.reads)),
        ("takes into account", _paths(_shortened(each.also_reads))),
        ("inputs are", volatility if known else ""),
    ]
    return [(label, text) for label, text in rows if text]


def _shortened(paths: Iterable[str]) -> Iterable[str]:
    """Return what lies behind paths, each once: of a list's elements not every field."""
    return dict.fromkeys(".".join(each.split(".")[:_SHOWN_STEPS]) for each in paths)


def _paths(paths: Iterable[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths)
