"""`vmfit reserve`: have a destination promise a VM's memory."""

from pathlib import Path

import click

from vmfit.v1.comparator_service_pb2 import ReserveMemoryRequest, ReserveMemoryResponse
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option
from vmfit_comparator.commands.references import host_reference, vm_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.render.leases import memory_text
from vmfit_comparator.render.output import emit
from vmfit_comparator.render.terminal import Terminal
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command
from vmfit_contract.printable import printable

_LONGEST_SECONDS = 86_400


@click.command(cls=Command)
@click.argument("vm", required=False)
@click.option(
    "--from",
    "source",
    required=True,
    metavar="HOST",
    shell_complete=completed_words.hosts,
    help="Where the VM runs.",
)
@click.option(
    "--to",
    "destination",
    required=True,
    metavar="HOST",
    shell_complete=completed_words.hosts,
    help="Where memory is to be promised.",
)
@click.option("--xml", type=click.Path(path_type=Path), help="The VM's domain XML.")
@click.option("--vm", "description", type=click.Path(path_type=Path), help="A described VM.")
@click.option(
    "--for",
    "seconds",
    type=click.IntRange(1, _LONGEST_SECONDS),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long, at most a day.",
)
@output_option()
@comparator_options
@click.pass_obj
def command(
    settings: Settings,
    *,
    vm: str | None,
    source: str,
    destination: str,
    xml: Path | None,
    description: Path | None,
    seconds: int,
    output: str,
    asking: Asking,
) -> int:
    """Have a destination's agent promise VM's memory to nobody else for a while.

    All of its maximum, on the NUMA nodes and in the huge pages that it is bound to; or nothing,
    which is an error. The same once more changes nothing. Checks count what is promised to others.

    \b
    vmfit reserve web --from alpha --to beta --for 900
    vmfit check web --from alpha --to beta
    vmfit release UUID --to beta
    """  # noqa: D301 -- click's mark for lines to keep
    request = ReserveMemoryRequest(
        source=host_reference(source, "--from"),
        destination=host_reference(destination, "--to"),
        vm=vm_reference(vm, xml, description),
    )
    request.duration.seconds = seconds
    with comparator(settings, asking) as answering:
        response = answering.reserve_memory(request)
    emit(response, output, lambda: lambda terminal: _show(terminal, response))
    return 0


def _show(terminal: Terminal, response: ReserveMemoryResponse) -> None:
    lease = response.lease
    name = response.vm_name or lease.vm_uuid
    where = response.destination_host
    text = f"{where} has promised {memory_text(lease)} to {name} for {response.remaining.seconds} s"
    terminal.line(printable(text))
    terminal.line(printable(f"vmfit release {lease.vm_uuid} --to {where}"))
