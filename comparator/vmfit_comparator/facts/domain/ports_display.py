"""Can the destination open the guest's displays where the definition says?"""

from collections.abc import Sequence

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Graphics, GraphicsListen
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, start_network
from vmfit_comparator.evaluation.result import Result, all_of, no, no_idea, probably_no, yes
from vmfit_comparator.knowledge.device_paths import creatable, existing
from vmfit_comparator.knowledge.devices import displays
from vmfit_comparator.knowledge.host_addresses import has_address, is_in_use

_ANY_ADDRESS = "0.0.0.0"  # noqa: S104 -- advice, nothing is bound here


# libvirt's own range for displays, unless qemu.conf says otherwise.
_FIRST_PORT, _LAST_PORT = 5900, 65535


_WIDER_RANGE = change_definition(
    "Widen remote_display_port_min to remote_display_port_max on the destination",
    "qemu.conf/remote_display_port_max",
    "",
)


@fact(
    each=displays,
    needs="destination.network.interfaces",
    reads=(
        *("source.identity", "destination.identity", "destination.network.listening_ports"),
        *("destination.libvirt_objects.networks", "destination.security.qemu_conf"),
    ),
)
def ports_display(display: Graphics, case: Case) -> Result | None:
    """Ask for listen addresses and fixed ports on the destination.

    An address that the destination lacks, or a fixed port that is in use, is NO: QEMU cannot
    listen. So is a range for automatic ports (qemu.conf) without a free one. Any address, loopback
    and automatic ports are YES; the source's own name PROBABLY_NO; another name, or addresses that
    are not known, NO_IDEA. Without an address the destination's vnc_listen or spice_listen counts.
    A display that listens on a libvirt network needs it active, one that listens on a socket its
    directory, and one with a render node that one: else NO.

    Source: libvirt's formatdomain, graphics; qemu.conf; /proc/net/tcp.
    """
    found = []
    if display.render_node.path:
        found.append(existing(display.render_node, "incoming.graphics.render_node"))
    if display.type in ("vnc", "spice", "rdp"):
        found.append(_display(display, case))
    return all_of(*found) if found else None


def _display(graphics: Graphics, case: Case) -> Result:
    if graphics.socket_path.path:
        return creatable(graphics.socket_path, "incoming.graphics.socket_path")
    conf = case.destination.security.qemu_conf
    chosen = conf.get(f"{graphics.type}_listen", "").strip("[]")
    places = graphics.listens or [GraphicsListen(type="address")]
    for listen in places:
        wrong = _place(listen, chosen, case)
        if wrong is not None:
            return wrong
    addresses = [each.address or chosen for each in places if each.type == "address"] or [""]
    return _ports(graphics, addresses, case.destination)


def _ports(graphics: Graphics, addresses: Sequence[str], destination: Snapshot) -> Result:
    ports = destination.network.listening_ports
    # A WebSocket's port stays as it is given, whatever autoport says.
    fixed = {"@websocket": graphics.websocket}
    if not graphics.autoport:
        fixed |= {"@port": graphics.port, "@tlsPort": graphics.tls_port}
    for name, port in fixed.items():
        if port > 0 and any(is_in_use(address, port, ports) for address in addresses):
            remedy = change_definition("Let libvirt choose the port", f"graphics/{name}", "-1")
            return no(f"port {port} is in use on the destination", remedies=[remedy])
    if not graphics.autoport:
        return yes("its address and port are free there")
    conf = destination.security.qemu_conf
    first, last = (
        int(value) if (value := conf.get(f"remote_display_port_{end}", "")).isdigit() else usual
        for end, usual in (("min", _FIRST_PORT), ("max", _LAST_PORT))
    )
    if len({each.port for each in ports if first <= each.port <= last}) > last - first:
        remedy = _WIDER_RANGE
        return no(f"all ports from {first} to {last} are in use there", remedies=[remedy])
    return yes("its address is there, the port is chosen automatically")


def _place(listen: GraphicsListen, chosen: str, case: Case) -> Result | None:
    """Return what speaks against listening there; None for nothing.

    `chosen` is the address that the destination takes where the definition names none.
    """
    destination = case.destination
    if listen.type == "network":
        active = {each.name for each in destination.libvirt_objects.networks if each.active}
        if destination.HasField("libvirt_objects") and listen.network not in active:
            defined = {each.name for each in destination.libvirt_objects.networks}
            remedy = start_network(listen.network, define=listen.network not in defined)
            text = f"it listens on network {listen.network}, which is not active there"
            return no(text, remedies=[remedy])
    if listen.type != "address":
        return None
    address = listen.address or chosen
    known = has_address(address, destination.network)
    if known is None and address in _names(case.destination):
        return None
    if known is None and address in _names(case.source):
        return probably_no(f"it listens on {address}, the source's own name")
    if known is None:
        return no_idea(
            f"whether {address} is an address there is not known",
            missing=["destination.network.interfaces.addresses"],
        )
    if known:
        return None
    remedy = change_definition(
        "Let the display listen on an address of every host",
        "graphics/listen/@address",
        _ANY_ADDRESS,
    )
    whose = "" if listen.address else ", which its qemu.conf says"
    text = f"it listens on {address}{whose}, no address of the destination"
    return no(text, remedies=[remedy])


def _names(host: Snapshot) -> set[str]:
    return {host.identity.hostname, host.identity.canonical_hostname} - {""}
