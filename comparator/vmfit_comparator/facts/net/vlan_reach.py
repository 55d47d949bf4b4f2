"""Do the guest's NICs come out in the same VLAN on the destination?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit.v1.network_pb2 import Network
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.result import (
    Result,
    probably_no,
    yes,
)
from vmfit_comparator.knowledge.nics import (
    NicPair,
    destination_link,
    interface,
    nics,
    source_link,
    uplinks,
)


@fact(
    each=nics,
    reads=("source.network.interfaces", "destination.network.interfaces"),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
    grouping=Grouping(ignored=("destination.network.interfaces.addresses",)),
)
def vlan_reach(pair: NicPair, case: Case) -> Result | None:
    """Compare the VLANs of the uplinks behind both bridges, as far as hosts know them.

    Uplinks of the same VLAN, or without one on both sides, are YES. Different VLANs, and a VLAN
    on one side alone, are PROBABLY_NO: the guest keeps its address in another network. A bridge
    without uplink on one side alone is PROBABLY_NO too; on both sides it reaches nobody anyhow.
    What a switch does to untagged frames no host knows, so this decides nothing by itself. An
    unknown bridge is left to net.bridge.

    Source: /proc/net/vlan; /sys/class/net/*/brif.
    """
    if pair.here is None:
        return None
    before = _vlans(source_link(pair.here, case), case.source.network)
    after = _vlans(destination_link(pair.there, case), case.destination.network)
    return _same_vlans(before, after)


def _vlans(name: str, network: Network) -> frozenset[int] | None:
    """Return the VLANs that frames leave in, 0 for untagged; empty without uplink, None unknown."""
    found = interface(name, network) if name else None
    if found is None:
        return None
    if found.type != "bridge":
        return frozenset((found.vlan_id,))
    return frozenset(each.vlan_id for each in uplinks(found, network))


def _same_vlans(before: frozenset[int] | None, after: frozenset[int] | None) -> Result | None:
    if before is None or after is None:
        return None
    if before == after:
        return yes(f"both come out in {_words(before)}")
    return probably_no(f"source {_words(before)}, destination {_words(after)}", probability=0.3)


def _words(vlans: frozenset[int]) -> str:
    if not vlans:
        return "no uplink"
    return ", ".join(f"VLAN {each}" if each else "untagged frames" for each in sorted(vlans))
