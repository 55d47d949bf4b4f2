"""Is the destination's hypervisor at least as new as the source's?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit.v1.hypervisor_pb2 import HypervisorConnection
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, yes
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.versions import version_text

_CONNECTIONS = ("source.hypervisor.connections", "destination.hypervisor.connections")


_VM = ("vm.domain_type", "vm.connection_uri")


def _connections(
    case: Case,
) -> tuple[HypervisorConnection | None, HypervisorConnection | None]:
    vm = case.vm
    return connection_for(vm, case.source), connection_for(vm, case.destination)


@fact(needs=_CONNECTIONS, reads=_VM, offline=True, consequence=Consequence.CONSEQUENCE_ADVISORY)
def qemu_version(case: Case) -> Result:
    """Compare the hypervisor's versions.

    The same or newer is YES; an older release of the same major version PROBABLY_NO, an older major
    version NO: nobody tests migrating to it. It does not decide: a guest whose machine type is
    there (machine.type) mostly migrates all the same, and distributions port fixes back.

    Source: virConnectGetVersion.
    """
    source, destination = _connections(case)
    before = source.hypervisor_version if source else 0
    after = destination.hypervisor_version if destination else 0
    if not before or not after:
        side = "destination" if before else "source"
        missing = f"{side}.hypervisor.connections.hypervisor_version"
        return no_idea(f"the {side}'s hypervisor version is not known", missing=[missing])
    text = f"source {version_text(before)}, destination {version_text(after)}"
    if after >= before:
        return yes(text)
    remedy = upgrade("QEMU", version_text(before))
    if after // 1_000_000 == before // 1_000_000:
        return probably_no(text, probability=0.4, remedies=[remedy])
    return no(text, remedies=[remedy])
