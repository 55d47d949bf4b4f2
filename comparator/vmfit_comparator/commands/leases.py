"""`vmfit leases`: the memory that a host has promised."""

import click

from vmfit.v1.comparator_service_pb2 import ListHostLeasesRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option
from vmfit_comparator.commands.references import host_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.render.leases import show_leases
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command


@click.command(cls=Command)
@click.argument("host", metavar="HOST", shell_complete=completed_words.hosts)
@output_option("the UUIDs of the VMs")
@comparator_options
@click.pass_obj
def command(settings: Settings, *, host: str, output: str, asking: Asking) -> int:
    """List what a host's agent has promised to VMs that are to come.

    The host has to have an agent; what a snapshot says of it is in its `memory.leases`.
    """
    request = ListHostLeasesRequest(host=host_reference(host))
    with comparator(settings, asking) as answering:
        response = answering.list_leases(request)
    names = [each.vm_uuid for each in response.leases]
    emit(response, output, lambda: show_leases(response.leases), names)
    return 0
