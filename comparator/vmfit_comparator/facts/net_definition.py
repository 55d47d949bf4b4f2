"""Facts about what the definition of a NIC asks of the destination beside a bridge."""

import shlex

from vmfit.v1.finding_pb2 import Answer, Remedy
from vmfit.v1.vm_pb2 import HostPath, Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.facts.dev_paths import existing
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.bridges import interface, virtual_network
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined
from vmfit_comparator.knowledge.host_addresses import has_address, is_in_use

_TAP_TYPES = frozenset(("bridge", "network", "ethernet"))
_NETWORKS = "destination.libvirt_objects.networks"
# libvirt gives these itself, anew on every host.
_OWN_NAMES = ("vnet", "macvtap", "macvlan", "vif")
_TAPS = frozenset(("tap", "tun"))
_EXECUTABLE = 0o111
# From here on libvirt refuses a tap that is there already, unless it is told not to make it.
_REFUSES_TAPS = 9_005_000
# libvirt sets VLAN tags on the kernel's own bridges since.
_BRIDGE_VLANS = 11_000_000


@fact(
    "net.tap_name",
    question="Can the destination give the NICs' taps the names that the definition asks for?",
    applies_if=("incoming.nics.host_tap",),
    reads=("incoming.nics", "destination.network.interfaces"),
    also_reads=("vm.domain_type", "vm.connection_uri", "destination.hypervisor.connections"),
)
@unless_offline
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


@fact(
    "net.vlan_tags",
    question="Can the destination's libvirt give the NICs the VLAN tags that they ask for?",
    applies_if=("incoming.nics.vlan_ids",),
    reads=("incoming.nics", "destination.hypervisor.connections"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        _NETWORKS,
    ),
)
@unless_offline
def vlan_tags(case: Case) -> Result:
    """Look at what the NICs with VLAN tags plug into.

    Open vSwitch and SR-IOV functions take tags: YES. A bridge of the kernel takes them with
    libvirt 11.0 and newer alone: older ones refuse the NIC, NO. On a libvirt network
    that the destination lacks it is NO_IDEA.

    Source: libvirt's virDomainActualNetDefValidate.
    """
    outcomes = {nic.mac: _tagged(nic, case) for nic in case.incoming.nics if nic.vlan_ids}
    return joined(outcomes, "does not apply: no NIC has VLAN tags")


def _tagged(nic: Nic, case: Case) -> Result:
    kind, port_type = nic.type, nic.virtual_port_type
    if kind == "network":
        found = virtual_network(nic.network, case.vm, case.destination)
        if found is None:
            return no_idea(f"what network {nic.network} is there is not known", missing=[_NETWORKS])
        kind = "bridge" if found.bridge else ""
        port_type = port_type or found.virtual_port_type
    if kind not in ("bridge", "ethernet") or port_type == "openvswitch":
        return yes("what it plugs into takes VLAN tags")
    connection = connection_for(case.vm, case.destination)
    version = connection.libvirt_version if connection is not None else 0
    if not version:
        missing = "destination.hypervisor.connections.libvirt_version"
        return no_idea("the destination's libvirt version is not known", missing=[missing])
    if kind == "bridge" and version >= _BRIDGE_VLANS:
        return yes("the destination's libvirt tags the ports of bridges")
    remedy = upgrade("libvirt", "11.0")
    return no("the destination's libvirt gives no VLAN tags to such a NIC", remedies=[remedy])


@fact(
    "net.sockets",
    question="Can QEMU on the destination open the sockets of the guest's NICs?",
    applies_if=("incoming.nics.socket_port",),
    reads=("incoming.nics", "destination.network"),
)
@unless_offline
def sockets(case: Case) -> Result:
    """Look at the address and port where a NIC of type server or udp listens.

    An address that the destination lacks, and a port in use, is NO (a UDP port, which may be
    shared, PROBABLY_NO); else YES. A client's server is not asked, as QEMU goes on without:
    PROBABLY_YES. Multicast needs nobody: YES.

    Source: QEMU's -netdev socket; bind(2).
    """
    outcomes = {nic.mac: _socket(nic, case) for nic in case.incoming.nics if nic.socket_port}
    return joined(outcomes, "does not apply: no NIC has a socket")


def _socket(nic: Nic, case: Case) -> Result:
    place = f"{nic.socket_host}:{nic.socket_port}"
    network = case.destination.network
    if nic.type == "client":
        return probably_yes(f"it connects to {place}, which was not tried from there")
    if nic.type not in ("server", "udp"):
        return yes(f"it sends to {place}")
    udp = nic.type == "udp"
    host, port = (nic.local_host, nic.local_port) if udp else (nic.socket_host, nic.socket_port)
    if host and has_address(host, network) is False:
        return no(f"{host}, where it listens, is no address of the destination")
    if port and is_in_use(host, port, network.udp_ports if udp else network.listening_ports):
        in_use = probably_no if udp else no
        return in_use(f"port {port}, where it listens, is in use on the destination")
    return yes(f"it can listen at {host}:{port}")


@fact(
    "net.scripts",
    question="Can the destination run the scripts that the guest's NICs name?",
    applies_if=("incoming.nics.script",),
    reads=("vm.nics", "incoming.nics"),
)
@unless_offline
def scripts(case: Case) -> Result:
    """Look at the scripts that libvirt runs for NICs of type ethernet before the guest comes.

    A script that is missing, or that nobody may execute, is NO; one that nobody looked for NO_IDEA.
    The same content as on the source, where it worked, is YES, another one PROBABLY_YES.

    Source: libvirt's virNetDevRunEthernetScript; stat(2) on the destination.
    """
    here = {nic.mac: nic.script for nic in case.vm.nics}
    outcomes = {
        nic.mac: _script(here.get(nic.mac, HostPath()), nic.script)
        for nic in case.incoming.nics
        if nic.type == "ethernet" and nic.script.path
    }
    return joined(outcomes, "does not apply: libvirt runs no script for a NIC")


def _script(here: HostPath, there: HostPath) -> Result:
    found = existing(there, "incoming.nics.script")
    if found.answer != Answer.ANSWER_YES:
        return found
    if there.HasField("mode") and not there.mode & _EXECUTABLE:
        remedy = Remedy(
            summary=f"Make {there.path} executable", command=f"chmod +x {shlex.quote(there.path)}"
        )
        return no(f"{there.path} may not be executed on the destination", remedies=[remedy])
    if here.sha256 and here.sha256 == there.sha256:
        return yes(f"{there.path} is the same on both hosts")
    return probably_yes(f"{there.path} is there; it is not known to be the same script")


FACTS = (tap_name, vlan_tags, sockets, scripts)
