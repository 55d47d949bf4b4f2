"""vmfit-agent doctor: what works here, and what to do about the rest."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from vmfit_agent.collectors import COLLECTORS
from vmfit_agent.commands.options import host_options
from vmfit_agent.diagnosis import Check, diagnose
from vmfit_agent.local_host import HostOptions

_COLOURS = {"ok": "green", "partly": "yellow", "missing": "red"}
_SHOWN_REASONS = 3


@click.command("doctor")
@click.option(
    "-o", "output_format", default="table", show_default=True,
    type=click.Choice(["table", "json"]), help="A table for people, or JSON.",
)  # fmt: skip
@host_options
def command(
    *, output_format: str, root: Path, libvirt_uri: tuple[str, ...], attributes: Path
) -> int:
    """Tell which collectors work here, how long each takes, why others do not, and what to do.

    The status is 1 when something essential is missing.
    """
    host = HostOptions(root, libvirt_uri, attributes).open()
    checks = list(diagnose(host, COLLECTORS))
    lacking = [check for check in checks if check.is_essential and check.state == "missing"]
    if output_format == "json":
        document = {"ok": not lacking, "checks": [asdict(check) for check in checks]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        _print_table(checks, lacking)
    return 1 if lacking else 0


def _print_table(checks: Sequence[Check], lacking: Sequence[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        state = click.style(f"{check.state:8}", fg=_COLOURS[check.state])
        took = "" if check.seconds is None else f"{check.seconds * 1000:7.1f} ms"
        click.echo(f"{check.name:{width}}  {state}{took}".rstrip())
        for reason in check.reasons[:_SHOWN_REASONS]:
            click.echo(f"{'':{width}}  {reason}")
        if len(check.reasons) > _SHOWN_REASONS:
            click.echo(f"{'':{width}}  and {len(check.reasons) - _SHOWN_REASONS} more")
        for remedy in check.remedies:
            click.echo(f"{'':{width}}  -> {remedy}")
    if lacking:
        names = ", ".join(check.name for check in lacking)
        click.echo(f"\nEssential and missing: {names}")
