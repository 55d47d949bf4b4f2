"""vmfit-agent doctor: what works here, and what to do about the rest."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from vmfit_agent.collectors import COLLECTORS
from vmfit_agent.commands.network_options import network_options
from vmfit_agent.commands.options import host_options
from vmfit_agent.diagnosis import Check, diagnose
from vmfit_agent.local_host import HostOptions
from vmfit_agent.service_diagnosis import Serving, diagnose_service
from vmfit_contract.address import Address
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.form_choice import FormChoice
from vmfit_contract.command_line.structured import is_structured, structured_text
from vmfit_contract.printable import printable

_COLOURS = {"ok": "green", "partly": "yellow", "missing": "red"}
_SHOWN_REASONS = 3
_UNBOUNDED = 1 << 24


@click.command("doctor", cls=Command)
@click.option(
    "-o", "--output", "output_format", default="table", show_default=True,
    type=FormChoice(["table", "json", "yaml"]),
    help="A table for people, or the same for programs.",
)  # fmt: skip
@network_options
@host_options
def command(
    *,
    output_format: str,
    listen: Address,
    insecure: bool,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_ca: Path | None,
    root: Path,
    libvirt_uri: tuple[str, ...],
    attributes: Path,
) -> int:
    """Tell which collectors work here, how long each takes, why others do not, and what to do.

    Of this host also whether the service can start: its certificates and its address.

    The status is 1 when something essential is missing.
    """
    host = HostOptions(root, libvirt_uri, attributes).open()
    checks = list(diagnose(host, COLLECTORS))
    if host.is_live:
        checks += diagnose_service(Serving(listen, insecure, tls_cert, tls_key, tls_ca))
    lacking = [check for check in checks if check.is_essential and check.state == "missing"]
    if is_structured(output_format):
        document = {"ok": not lacking, "checks": [asdict(check) for check in checks]}
        click.echo(structured_text(json.dumps(document, indent=2) + "\n", output_format), nl=False)
    else:
        _print_table(checks, lacking)
    return 1 if lacking else 0


def _print_table(checks: Sequence[Check], lacking: Sequence[Check]) -> None:
    # Imported here: what runs for months on every host has no use for it.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    is_terminal = sys.stdout.isatty()
    console = Console(force_terminal=is_terminal, width=None if is_terminal else _UNBOUNDED)
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    told_by: dict[tuple[str, ...], str] = {}
    for check in checks:
        took = "" if check.seconds is None else f"{check.seconds * 1000:7.1f} ms"
        told = Text.assemble((f"{check.state:8}", _COLOURS[check.state]), took)
        lines = _lines(check)
        first = told_by.setdefault(tuple(lines), check.name)
        if lines and first != check.name:
            lines = [f"as for {first}"]
        told.append("".join(f"\n{line}" for line in lines))
        table.add_row(Text(printable(check.name)), told)
    with console.capture() as captured:
        console.print(table)
        if lacking:
            names = ", ".join(check.name for check in lacking)
            console.print(Text(f"\nEssential and missing: {printable(names)}"))
    # rich fills its columns with blanks.
    for line in captured.get().splitlines():
        click.echo(line.rstrip(), color=True)


def _lines(check: Check) -> list[str]:
    reasons = list(check.reasons[:_SHOWN_REASONS])
    if len(check.reasons) > _SHOWN_REASONS:
        reasons.append(f"and {len(check.reasons) - _SHOWN_REASONS} more")
    return [printable(line) for line in (*reasons, *(f"-> {each}" for each in check.remedies))]
