"""The answer to a baseline, for people."""

from collections.abc import Callable

import click

from vmfit.v1.comparator_service_pb2 import BaselineResponse
from vmfit_comparator.render.terminal import Terminal
from vmfit_contract.printable import printable

_INDENT = 2


def show_baseline(response: BaselineResponse) -> Callable[[Terminal], None]:
    """Return what prints the model, the XML, machine types, and what each host has beyond."""
    return lambda terminal: _show(terminal, response)


def _show(terminal: Terminal, response: BaselineResponse) -> None:
    names = ", ".join(each.host for each in response.hosts)
    kind = " ".join(filter(None, (response.domain_type, response.architecture)))
    terminal.line(f"{response.model or 'no common CPU model'}: {names} ({kind})", bold=True)
    for warning in response.warnings:
        terminal.line(f"warning: {warning}", 0, _INDENT, colour="yellow")
    if response.cpu_xml:
        terminal.line()
        for line in response.cpu_xml.splitlines():
            click.echo(printable(line))
    for title, values in (
        (f"{len(response.features)} CPU features in common", response.features),
        ("machine types in common", response.machine_types),
    ):
        terminal.line()
        terminal.line(f"{title}:", bold=True)
        terminal.line(" ".join(values) or "none", _INDENT, 0)
    for host in response.hosts:
        count = len(host.extra_features)
        if count:
            terminal.line()
            terminal.line(f"{host.host} has {count} more:", bold=True)
            terminal.line(" ".join(host.extra_features), _INDENT, 0)
    equal = [each.host for each in response.hosts if not each.extra_features]
    if equal:
        terminal.line()
        terminal.line(f"no more: {', '.join(equal)}", 0, _INDENT, bold=True)
