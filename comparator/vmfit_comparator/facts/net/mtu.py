"""Do frames as large as the guest may send pass on the destination?"""

from vmfit.v1.finding_pb2 import Consequence, Quality
from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import (
    set_mtu,
)
from vmfit_comparator.evaluation.result import Result, probably_yes, yes
from vmfit_comparator.knowledge.bridges import (
    link_name,
    named_nics,
    usable_mtu,
)
from vmfit_comparator.knowledge.disks import joined

_REDUCED = Quality.QUALITY_REDUCED


def _subjects(case: Case) -> list[tuple[str, Nic | None, Nic]]:
    """Return (name, NIC on the source, incoming NIC); NICs are matched by MAC, then by place."""
    by_mac = {nic.mac: nic for nic in case.vm.nics}
    return [(name, by_mac.get(nic.mac), nic) for name, nic in named_nics(case.incoming)]


@fact(
    applies_if=("incoming.nics",),
    needs=("incoming.nics", "destination.network.interfaces"),
    reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "vm.nics",
        "source.network.interfaces",
        "source.libvirt_objects.networks",
        "destination.libvirt_objects.networks",
        "source.hypervisor.connections",
        "destination.hypervisor.connections",
    ),
    consequence=Consequence.CONSEQUENCE_BREAKS_GUEST,
)
def mtu(case: Case) -> Result:
    """Compare the MTU promised to the guest, else the source's, with bridge and uplinks there.

    At least as large is YES. Smaller lets the migration pass, and large frames are lost from then
    on: PROBABLY_YES, REDUCED, as most guests send some. Without both MTUs the NIC is not judged.

    Source: /sys/class/net/*/mtu; libvirt's formatdomain, interface mtu.
    """
    outcomes = {}
    for name, here, nic in _subjects(case):
        outcome = _mtu(here, nic, case)
        if outcome is not None:
            outcomes[name] = outcome
    return joined(outcomes, "does not apply: no NIC's MTU is known on both sides")


def _mtu(here: Nic | None, nic: Nic, case: Case) -> Result | None:
    source, destination = case.source, case.destination
    link = link_name(nic, case.vm, destination)
    offered = usable_mtu(link, destination.network) if link else None
    if offered is None:
        return None
    wanted, who = nic.mtu_bytes, "the guest was told"
    if not wanted and here is not None:
        old = link_name(here, case.vm, source) or here.bridge
        wanted, who = usable_mtu(old, source.network) or 0, f"{old} on the source carries"
    if not wanted:
        return None
    seen = f"{who} {wanted} bytes, {link} on the destination {offered}"
    if offered >= wanted:
        return yes(seen)
    return probably_yes(
        f"{seen}: larger frames are lost",
        probability=0.6,
        quality=_REDUCED,
        remedies=[set_mtu(link, wanted)],
    )
