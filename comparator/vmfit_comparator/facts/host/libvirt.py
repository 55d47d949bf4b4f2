"""Does the destination's libvirt answer?"""

from vmfit.v1.finding_pb2 import (
    Remedy,
    RestartService,
)
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, yes
from vmfit_comparator.knowledge.connections import connection_errors, destination_connection

# What libvirt and the kernel say when no daemon listens, in contrast to "may not ask".
_NO_DAEMON = (
    "connection refused", "no such file", "cannot recv data", "failed to start daemon",
    "no socket of a daemon",
)  # fmt: skip


# What the agent says of a daemon that takes calls and never answers them.
_HUNG = "libvirt does not answer"


# What decides which connection would run the VM.
@fact(reads=("destination.hypervisor.connections.uri", "destination.parts"), offline=True)
def libvirt(case: Case) -> Result:
    """Ask whether the agent could talk to the libvirt that would run the VM there.

    YES when a connection answered; NO when no daemon listens (refused, no socket). One that hangs,
    or has as many clients as it takes, is PROBABLY_NO. An agent that may not ask, or that has no
    libvirt bindings, proves nothing: NO_IDEA with its error.

    Source: virConnectOpen.
    """
    destination = case.destination
    connection = destination_connection(case)
    if connection is not None:
        return yes(f"{connection.uri} answers")
    errors = connection_errors(case)
    if not destination.HasField("hypervisor"):
        status = next((each for each in destination.parts if each.name == "hypervisor"), None)
        if status is None or not status.error:
            return no_idea("nothing is known of libvirt", missing=["destination.hypervisor"])
        errors = {"libvirt": status.error}
    if not errors:
        return yes("libvirt answers")
    text = "; ".join(f"{uri}: {error}" for uri, error in errors.items())
    if all(any(word in error.lower() for word in _NO_DAEMON) for error in errors.values()):
        remedy = Remedy(
            summary="Start the destination's libvirt daemon (virtqemud or libvirtd)",
            command="systemctl start virtqemud.socket",
            restart_service=RestartService(name="virtqemud"),
        )
        return no(text, remedies=[remedy])
    if all(_HUNG in error for error in errors.values()):
        remedy = Remedy(
            summary="Restart the destination's libvirt daemon; guests go on",
            restart_service=RestartService(name="virtqemud"),
        )
        return probably_no(text, probability=0.2, remedies=[remedy])
    return no_idea(text, missing=["destination.hypervisor.connections"])
