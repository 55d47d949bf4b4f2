"""Does the destination have the bridge or interface that every NIC plugs into?"""

import shlex

from vmfit.v1.finding_pb2 import CreateBridge, Quality, Remedy
from vmfit.v1.network_pb2 import NetworkInterface
from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import (
    change_definition,
    connect_bridge,
    create_bridge,
    provide_storage,
)
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.nics import (
    NicPair,
    destination_network,
    interface,
    nics,
    source_link,
    uplinks,
)

# What takes all frames of its ports, so that nothing else can sit on them.
_TAKING_FRAMES = ("bridge", "bond", "openvswitch")


_REDUCED = Quality.QUALITY_REDUCED


@fact(
    each=nics,
    needs="destination.network.interfaces",
    reads=(
        *("destination.network.ovs_bridges", "destination.network.ovs_present"),
        "source.network.interfaces",
    ),
    grouping=Grouping(ignored=("destination.network.interfaces.addresses",)),
)
def bridge(pair: NicPair, case: Case) -> Result | None:
    """Look every NIC's bridge, or macvtap parent, up among the destination's interfaces.

    Missing, or not a bridge, is NO: libvirt cannot plug the NIC in. A bridge that is down, or that
    lacks an uplink, where the source's has one, lets the migration pass and cuts the guest off:
    PROBABLY_NO. Down without an uplink on the source, or another bridge than there: YES, REDUCED.
    Open vSwitch bridges need its database.
    A macvtap parent that is the port of a bridge or bond is NO, and so is one with another macvtap
    on it where either is in passthrough mode.

    Source: /sys/class/net, OVSDB.
    """
    here, nic = pair.here, pair.there
    if nic.type == "bridge":
        return _bridge(here, nic, nic.bridge, nic.virtual_port_type, case)
    if nic.type == "direct":
        return _parent(nic.host_interface, case, nic.direct_mode)
    if nic.type != "network":
        return None
    found = destination_network(nic.network, case)
    if found is None or not found.active:
        return None
    if found.bridge:
        port_type = nic.virtual_port_type or found.virtual_port_type
        return _bridge(here, nic, found.bridge, port_type, case)
    if not found.forward_interfaces or found.forward_mode == "hostdev":
        return None
    mode = found.forward_mode
    parents = [_parent(each, case, mode) for each in found.forward_interfaces]
    return max(parents, key=lambda each: each.answer)


def _bridge(here: Nic | None, nic: Nic, name: str, port_type: str, case: Case) -> Result:
    network = case.destination.network
    open_vswitch = {each.name for each in network.ovs_bridges}
    if port_type == "openvswitch":
        if name in open_vswitch:
            return yes(f"Open vSwitch bridge {name} is there")
        if network.ovs_present and not open_vswitch:
            return no_idea(
                f"the Open vSwitch bridges are not known, {name} among them or not",
                missing=["destination.network.ovs_bridges"],
            )
        remedy = Remedy(
            summary=f"Create the Open vSwitch bridge {name} on the destination",
            command=f"ovs-vsctl add-br {shlex.quote(name)}",
            create_bridge=CreateBridge(name=name),
        )
        return no(f"the destination has no Open vSwitch bridge {name}", remedies=[remedy])
    found = interface(name, network)
    if found is None:
        return no(
            f"bridge {name} does not exist on the destination",
            remedies=[create_bridge(name, _source_uplink(here, case))],
        )
    if name in open_vswitch or found.type == "openvswitch":
        remedy = change_definition(
            "Name Open vSwitch in the definition", "interface/virtualport/@type", "openvswitch"
        )
        return no(
            f"{name} is an Open vSwitch bridge, and the NIC is not made for one", remedies=[remedy]
        )
    if not found.HasField("bridge") and found.type != "bridge":
        return no(f"{name} is no bridge on the destination, but {found.type or 'an interface'}")
    return _plugged(here, nic, found, case)


def _plugged(here: Nic | None, nic: Nic, found: NetworkInterface, case: Case) -> Result:
    """Say what the guest loses on a bridge that is there."""
    lost = _source_uplink(here, case)
    name = _source_bridge(here, case)
    if lost and not (found.up and uplinks(found, case.destination.network)):
        state = "without an uplink" if found.up else "down"
        return probably_no(
            f"the destination's bridge {found.name} is {state}, the source's {name} has the uplink "
            f"{lost}: the guest is cut off",
            probability=0.2,
            remedies=[connect_bridge(found.name, lost)],
        )
    if not found.up:
        return yes(
            f"bridge {found.name} is there, but down: the guest is cut off", quality=_REDUCED
        )
    if name and name != found.name and nic.type == "network":
        return yes(
            f"network {nic.network} is bridge {found.name} there, {name} here: the NIC lands on "
            "another bridge",
            quality=_REDUCED,
        )
    return yes(f"bridge {found.name} is there and up")


def _source_bridge(here: Nic | None, case: Case) -> str:
    if here is None:
        return ""
    return source_link(here, case) or here.bridge


def _source_uplink(here: Nic | None, case: Case) -> str:
    """Return the port by which the NIC's bridge leads out of the source; empty without any."""
    old = interface(_source_bridge(here, case), case.source.network)
    if old is None or not old.HasField("bridge"):
        return ""
    return next((each.name for each in uplinks(old, case.source.network)), "")


def _parent(name: str, case: Case, mode: str) -> Result:
    network = case.destination.network
    found = interface(name, network)
    if found is None:
        remedy = provide_storage(f"Provide an interface {name} on the destination", name)
        return no(f"interface {name} does not exist on the destination", remedies=[remedy])
    above = interface(found.master, network) if found.master else None
    if above is not None and above.type in _TAKING_FRAMES:
        return no(f"interface {name} is a port of {found.master} there: it takes no macvtap")
    on_top = [
        each
        for each in network.interfaces
        if each.lower == name and each.type in ("macvtap", "macvlan")
    ]
    # The address of one in passthrough mode is its parent's, of any other never.
    alone = [
        each for each in on_top if mode == "passthrough" or (each.mac and each.mac == found.mac)
    ]
    if alone:
        return no(f"interface {name} has {alone[0].name} on it there, and passthrough is alone")
    if not found.up:
        return probably_yes(
            f"interface {name} is there, but down: the guest is cut off", quality=_REDUCED
        )
    return yes(f"interface {name} is there and up")
