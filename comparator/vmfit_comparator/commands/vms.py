"""`vmfit vms`: the VMs of a host."""

import click

from vmfit.v1.comparator_service_pb2 import GetHostSnapshotRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option
from vmfit_comparator.commands.references import host_reference
from vmfit_comparator.commands.session import comparator
from vmfit_comparator.render.output import emit
from vmfit_comparator.render.vms import show_vms
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import NoAnswerError


@click.command(cls=Command)
@click.argument("host", metavar="HOST", shell_complete=completed_words.hosts)
@output_option("the names")
@comparator_options
@click.pass_obj
def command(settings: Settings, *, host: str, output: str, asking: Asking) -> int:
    """List the VMs that a host has: those that run, and those that are only defined.

    Their names are what `vmfit check VM` takes. With -o json it is the part `domains` of the host's
    snapshot.
    """
    request = GetHostSnapshotRequest(host=host_reference(host), parts=["domains"])
    with comparator(settings, asking) as answering:
        snapshot = answering.host_snapshot(request).snapshot
    if not snapshot.HasField("domains"):
        why = next(
            (each.error for each in snapshot.parts if each.name == "domains" and each.error), ""
        )
        reason = why or "its snapshot has no domains"
        raise NoAnswerError(f"{host}: {reason}")
    vms, wide = snapshot.domains.vms, output == "wide"
    names = [each.name for each in vms]
    emit(snapshot.domains, output, lambda: show_vms(vms, wide=wide), names)
    return 0
