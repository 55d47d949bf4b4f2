"""Is the destination's libvirt at least as new as the source's?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit.v1.hypervisor_pb2 import HypervisorConnection
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no_idea, probably_no, yes
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
def libvirt_version(case: Case) -> Result:
    """Compare the libvirt versions.

    The same or newer is YES, older PROBABLY_NO: it may not know something in the domain's XML. It
    does not decide: libvirt migrates to older versions as long as the definition uses nothing new.

    Source: virConnectGetLibVersion.
    """
    source, destination = _connections(case)
    before = source.libvirt_version if source else 0
    after = destination.libvirt_version if destination else 0
    if not before or not after:
        side = "destination" if before else "source"
        missing = f"{side}.hypervisor.connections.libvirt_version"
        return no_idea(f"the {side}'s libvirt version is not known", missing=[missing])
    text = f"source {version_text(before)}, destination {version_text(after)}"
    if after >= before:
        return yes(text)
    return probably_no(text, probability=0.4, remedies=[upgrade("libvirt", version_text(before))])
