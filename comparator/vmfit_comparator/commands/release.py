"""`vmfit release`: end the promise of memory to a VM."""

import click

from vmfit.v1.comparator_service_pb2 import ReleaseMemoryRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.references import host_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command
from vmfit_contract.printable import printable


@click.command(cls=Command)
@click.argument("vm_uuid", metavar="UUID")
@click.option(
    "--to",
    "destination",
    required=True,
    metavar="HOST",
    shell_complete=completed_words.hosts,
    help="Where memory was promised.",
)
@click.option(
    "--generation",
    type=click.IntRange(1, 2**64 - 1),
    metavar="NUMBER",
    help="Only if the lease is of this generation still, as `vmfit reserve` printed it.",
)
@comparator_options
@click.pass_obj
def command(
    settings: Settings, *, vm_uuid: str, destination: str, generation: int | None, asking: Asking
) -> int:
    """Give back what `vmfit reserve` had promised to the VM of this UUID.

    A VM that has no lease there is no error.
    """
    request = ReleaseMemoryRequest(
        destination=host_reference(destination, "--to"), vm_uuid=vm_uuid, generation=generation
    )
    with comparator(settings, asking) as answering:
        response = answering.release_memory(request)
    what = "released" if response.released else "nothing was promised to it"
    click.echo(printable(f"{vm_uuid}: {what}"))
    return 0
