"""Is the emulator that the definition names on the destination?"""

import shlex

from vmfit.v1.finding_pb2 import Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, yes
from vmfit_comparator.knowledge.capabilities import destination_guest_archs
from vmfit_comparator.knowledge.connections import destination_connection

_EXECUTABLE = 0o111


@fact(
    applies_if="incoming.emulator",
    needs="incoming.emulator",
    reads="destination.hypervisor.connections.domain_capabilities.emulator_path",
    offline=True,
)
def emulator_path(case: Case) -> Result:
    """Ask whether the emulator's path exists on the destination.

    There is YES, and so is a path that the destination's libvirt has capabilities of. Absent is NO;
    the remedy names the emulator that is there, to be given with --xml. A file that nobody may
    execute is NO. NO_IDEA when nobody looked.

    Source: stat(2); virConnectGetDomainCapabilities.
    """
    emulator = case.incoming.emulator
    connection = destination_connection(case)
    known: set[str] = set()
    other = ""
    if connection is not None:
        known = {each.emulator_path for each in connection.domain_capabilities}
        for arch in destination_guest_archs(case):
            known.add(arch.emulator_path)
            other = arch.emulator_path
    if emulator.exists and emulator.HasField("mode") and not emulator.mode & _EXECUTABLE:
        command = f"chmod +x {shlex.quote(emulator.path)}"
        remedy = Remedy(summary=f"Make {emulator.path} executable", command=command)
        return no(f"{emulator.path} may not be executed there", remedies=[remedy])
    if emulator.exists or (not emulator.HasField("exists") and emulator.path in known):
        return yes(f"{emulator.path} is there")
    if not emulator.HasField("exists"):
        missing = "incoming.emulator.exists"
        return no_idea(f"nobody looked for {emulator.path} there", missing=[missing])
    remedies = [upgrade(emulator.path, "")]
    if other:
        summary = f"Give the destination {other} as emulator, with --xml"
        remedies.insert(0, change_definition(summary, "devices/emulator", other))
    return no(f"{emulator.path} is not there", remedies=remedies)
