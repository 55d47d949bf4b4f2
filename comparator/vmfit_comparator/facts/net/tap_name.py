"""Can the destination give the NICs' taps the names that the definition asks for?"""

from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, no, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.bridges import interface
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined

_TAP_TYPES = frozenset(("bridge", "network", "ethernet"))


# libvirt gives these itself, anew on every host.
_OWN_NAMES = ("vnet", "macvtap", "macvlan", "vif")


_TAPS = frozenset(("tap", "tun"))


# From here on libvirt refuses a tap that is there already, unless it is told not to make it.
_REFUSES_TAPS = 9_005_000


@fact(
    applies_if=("incoming.nics.host_tap",),
    needs=("incoming.nics", "destination.network.interfaces"),
    reads=("vm.domain_type", "vm.connection_uri", "destination.hypervisor.connections"),
)
def tap_name(case: Case) -> Result:
    """Look the names that taps are to have up among the destination's interfaces.

    A tap that libvirt does not make itself (managed='no') must be there, else NO. A name that
    another kind of interface has is NO. An existing tap of that name is NO to libvirt 9.5 and
    newer; older ones take it when nothing else uses it: PROBABLY_NO when it has a carrier, else
    PROBABLY_YES. A free name is YES. Names that libvirt gives by itself (vnet0) do not count.

    Source: TUNSETIFF; libvirt's virNetDevTapCreate; formatdomain, interface target.
    """
    outcomes = {
        nic.mac or nic.host_tap: _named(nic, case)
        for nic in case.incoming.nics
        if nic.type in _TAP_TYPES and nic.host_tap and not nic.host_tap.startswith(_OWN_NAMES)
    }
    return joined(outcomes, "does not apply: no NIC's tap has a name of its own")


def _named(nic: Nic, case: Case) -> Result:
    name = nic.host_tap
    found = interface(name, case.destination.network)
    theirs = nic.type == "ethernet" and nic.HasField("tap_managed") and not nic.tap_managed
    if found is None:
        if theirs:
            return no(f"the destination has no interface {name}, and libvirt is not to make it")
        return yes(f"the name {name} is free on the destination")
    if theirs:
        return yes(f"{name} is there")
    remedies = [change_definition("Let libvirt name the NIC's tap", "interface/target/@dev", "")]
    connection = connection_for(case.vm, case.destination)
    version = connection.libvirt_version if connection is not None else 0
    if found.type not in _TAPS or version >= _REFUSES_TAPS:
        return no(f"{name} is a {found.type or 'link'} on the destination", remedies=remedies)
    if found.carrier or not version:
        text = f"a tap {name} is there already, and may be in use"
        return probably_no(text, probability=0.1, remedies=remedies)
    return probably_yes(f"a tap {name} is there already; nothing uses it", probability=0.8)
