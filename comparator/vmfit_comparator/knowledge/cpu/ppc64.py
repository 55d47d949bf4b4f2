"""How POWER guests' CPUs compare: by the processor's generation, as there are no features."""

from vmfit.v1.vm_pb2 import GuestCpu
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_yes, yes
from vmfit_comparator.knowledge.connections import destination_connection, on_connections
from vmfit_comparator.knowledge.cpu.generations import generation


@reads(*on_connections("destination", "host_cpu.model", "host_cpu.vendor"))
def by_model(cpu: GuestCpu, case: Case) -> Result:
    """Compare a POWER guest's model with the destination's processor.

    A named model must be the processor's own; a guest in a compatibility mode (host-model with a
    model) needs a processor of that generation or a newer one.
    """
    connection = destination_connection(case)
    if connection is None or not connection.host_cpu.model:
        missing = "destination.hypervisor.connections.host_cpu"
        return no_idea("the model of the destination's processor is not known", missing=[missing])
    there, vendor = connection.host_cpu.model, connection.host_cpu.vendor
    remedy = change_definition("Start the guest with another CPU model", "cpu/model", "")
    if cpu.vendor and cpu.vendor != vendor:
        return no(f"the definition asks for a CPU from {cpu.vendor}", remedies=[remedy])
    text = f"the guest is {cpu.model}, the destination's processor {there}"
    if cpu.mode == "host-model":
        if generation(cpu.model) <= generation(there):
            return probably_yes(text)
        return no(text, remedies=[remedy])
    return yes(text) if cpu.model == there else no(text, remedies=[remedy])
