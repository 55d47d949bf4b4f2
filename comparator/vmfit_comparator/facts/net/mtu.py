"""Do frames as large as the guest may send pass on the destination?"""

from vmfit.v1.finding_pb2 import Consequence, Quality
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import set_mtu
from vmfit_comparator.evaluation.result import Result, probably_yes, yes
from vmfit_comparator.knowledge.nics import (
    NicPair,
    carriers,
    destination_link,
    nics,
    source_link,
    usable_mtu,
)

_REDUCED = Quality.QUALITY_REDUCED


@fact(
    each=nics,
    needs="destination.network.interfaces",
    reads="source.network.interfaces",
    consequence=Consequence.CONSEQUENCE_BREAKS_GUEST,
    grouping=Grouping(ignored=("destination.network.interfaces.addresses",)),
)
def mtu(pair: NicPair, case: Case) -> Result | None:
    """Compare the MTU promised to the guest, else the source's, with bridge and uplinks there.

    At least as large is YES. Smaller lets the migration pass, and large frames are lost from then
    on: PROBABLY_YES, REDUCED, as most guests send some. Without both MTUs the NIC is not judged.

    Source: /sys/class/net/*/mtu; libvirt's formatdomain, interface mtu.
    """
    here, nic = pair.here, pair.there
    link = destination_link(nic, case)
    offered = usable_mtu(link, case.destination.network) if link else None
    if offered is None:
        return None
    wanted, who = nic.mtu_bytes, "the guest was told"
    if not wanted and here is not None:
        old = source_link(here, case) or here.bridge
        wanted, who = usable_mtu(old, case.source.network) or 0, f"{old} on the source carries"
    if not wanted:
        return None
    seen = f"{who} {wanted} bytes, {link} on the destination {offered}"
    if offered >= wanted:
        return yes(seen)
    return probably_yes(
        f"{seen}: larger frames are lost",
        probability=0.6,
        quality=_REDUCED,
        remedies=[
            set_mtu(each.name, wanted)
            for each in reversed(carriers(link, case.destination.network))
            if each.mtu_bytes < wanted
        ],
    )
