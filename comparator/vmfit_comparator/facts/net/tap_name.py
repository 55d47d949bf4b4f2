"""Can the destination give the NICs' taps the names that the definition asks for?"""

from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, no, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.connections import destination_libvirt_version
from vmfit_comparator.knowledge.nics import NicPair, interface, nics

_TAP_TYPES = frozenset(("bridge", "network", "ethernet"))


# libvirt gives these itself, anew on every host.
_OWN_NAMES = ("vnet", "macvtap", "macvlan", "vif")


_TAPS = frozenset(("tap", "tun"))


# From here on libvirt refuses a tap that is there already, unless it is told not to make it.
_REFUSES_TAPS = 9_005_000


@fact(
    each=nics,
    applies_if="incoming.nics.host_tap",
    needs="destination.network.interfaces",
    grouping=Grouping(ignored=("destination.network.interfaces.addresses",)),
)
def tap_name(pair: NicPair, case: Case) -> Result | None:
    """Look the names that taps are to have up among the destination's interfaces.

    A tap that libvirt does not make itself (managed='no') must be there, else NO. A name that
    another kind of interface has is NO. An existing tap of that name is NO to libvirt 9.5 and
    newer; older ones take it when nothing else uses it: PROBABLY_NO when it has a carrier, else
    PROBABLY_YES. A free name is YES. Names that libvirt gives by itself (vnet0) do not count.

    Source: TUNSETIFF; libvirt's virNetDevTapCreate; formatdomain, interface target.
    """
    nic, name = pair.there, pair.there.host_tap
    if nic.type not in _TAP_TYPES or not name or name.startswith(_OWN_NAMES):
        return None
    return _named(nic, name, case)


def _named(nic: Nic, name: str, case: Case) -> Result:
    found = interface(name, case.destination.network)
    theirs = nic.type == "ethernet" and nic.HasField("tap_managed") and not nic.tap_managed
    if found is None:
        if theirs:
            return no(f"the destination has no interface {name}, and libvirt is not to make it")
        return yes(f"the name {name} is free on the destination")
    if theirs:
        return yes(f"{name} is there")
    remedies = [change_definition("Let libvirt name the NIC's tap", "interface/target/@dev", "")]
    version = destination_libvirt_version(case)
    if found.type not in _TAPS or version >= _REFUSES_TAPS:
        return no(f"{name} is a {found.type or 'link'} on the destination", remedies=remedies)
    if found.carrier or not version:
        text = f"a tap {name} is there already, and may be in use"
        return probably_no(text, probability=0.1, remedies=remedies)
    return probably_yes(f"a tap {name} is there already; nothing uses it", probability=0.8)
