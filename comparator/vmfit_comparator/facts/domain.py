"""Facts about the domain's definition on the destination."""

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Graphics, GraphicsListen, Vm
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import (
    Outcome,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.evaluation.remedies import (
    add_option,
    change_definition,
    remove_domain,
    start_network,
)
from vmfit_comparator.facts.dev_paths import creatable
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.active import is_active
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined
from vmfit_comparator.knowledge.host_addresses import has_address, is_in_use

_ANY_ADDRESS = "0.0.0.0"  # noqa: S104 -- advice, nothing is bound here


@fact(
    "domain.name_uuid",
    question="Are the domain's name and UUID free on the destination?",
    reads=("vm.name", "vm.uuid", "destination.domains.vms"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "incoming.name",
        "vm.nics",
        "options.destination_name",
        "destination.hypervisor.connections",
    ),
)
def name_uuid(migration: Migration) -> Outcome:
    """Look for a domain of the same name or UUID on the destination.

    The same domain running, the name with another UUID or the UUID with another name is NO.
    The same name and UUID shut off is PROBABLY_YES: the definition is reused. Another running
    guest with one of the MAC addresses is PROBABLY_YES too, for the two disturb each other.

    Source: virConnectListAllDomains.
    """
    name = migration.options.destination_name or migration.incoming.name or migration.vm.name
    uuid = migration.vm.uuid
    others = _domains(migration)
    for each in others:
        if uuid != each.uuid and name != each.name:
            continue
        remedies = [remove_domain(each.name, each.uuid)]
        if each.uuid == uuid and each.name == name:
            if is_active(each):
                return no(f"{name} ({uuid}) runs on the destination already", remedies=remedies)
            return probably_yes(f"{name} ({uuid}) is defined there, shut off", probability=0.95)
        if each.uuid == uuid:
            return no(f"UUID {uuid} is that of {each.name} on the destination", remedies=remedies)
        rename = add_option("--dname NAME", "the name is taken on the destination")
        return no(f"{name} is another domain there ({each.uuid})", remedies=[*remedies, rename])
    macs = {nic.mac for nic in migration.vm.nics}
    for each in others:
        shared = macs & {nic.mac for nic in each.nics}
        if shared and is_active(each):
            return probably_yes(
                f"{each.name} runs there with MAC address {min(shared)} as well", probability=0.7
            )
    return yes(f"no domain of the destination is called {name} or has UUID {uuid}")


def _domains(migration: Migration) -> list[Vm]:
    """Return the domains of the connection that receives the VM."""
    connection = connection_for(migration.vm, migration.destination)
    return [
        each
        for each in migration.destination.domains.vms
        if connection is None or not each.connection_uri or each.connection_uri == connection.uri
    ]


@fact(
    "domain.ports_display",
    question="Can the destination open the guest's displays where the definition says?",
    applies_if=("incoming.graphics",),
    reads=("incoming.graphics", "destination.network.interfaces"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "source.identity",
        "destination.identity",
        "destination.network.listening_ports",
        "destination.libvirt_objects.networks",
    ),
)
@unless_offline
def ports_display(migration: Migration) -> Outcome:
    """Ask for listen addresses and fixed ports on the destination.

    An address that the destination lacks, or a fixed port that is in use, is NO: QEMU cannot
    listen. Any address, loopback and automatic ports are YES; the source's own name PROBABLY_NO;
    another name, or addresses that are not known, NO_IDEA. A display that listens on a libvirt
    network needs it active, one that listens on a socket its directory.

    Source: libvirt's formatdomain, graphics; /proc/net/tcp.
    """
    outcomes = {}
    for number, each in enumerate(migration.incoming.graphics):
        if each.type in ("vnc", "spice", "rdp"):
            outcomes[f"{each.type} {number}"] = _display(each, migration)
    return joined(outcomes, "does not apply: no display listens")


def _display(graphics: Graphics, migration: Migration) -> Outcome:
    destination = migration.destination
    ports = destination.network.listening_ports
    if graphics.socket_path.path:
        return creatable(graphics.socket_path, "incoming.graphics.socket_path")
    for listen in graphics.listens:
        wrong = _place(listen, migration)
        if wrong is not None:
            return wrong
    if graphics.autoport:
        return yes("its address is there, the port is chosen automatically")
    addresses = [each.address for each in graphics.listens if each.type == "address"] or [""]
    for port in (graphics.port, graphics.tls_port, graphics.websocket):
        if port > 0 and any(is_in_use(address, port, ports) for address in addresses):
            remedy = change_definition("Let libvirt choose the port", "graphics/@autoport", "yes")
            return no(f"port {port} is in use on the destination", remedies=[remedy])
    return yes("its address and port are free there")


def _place(listen: GraphicsListen, migration: Migration) -> Outcome | None:
    """Return what speaks against listening there; None for nothing."""
    destination = migration.destination
    if listen.type == "network":
        active = {each.name for each in destination.libvirt_objects.networks if each.active}
        if destination.HasField("libvirt_objects") and listen.network not in active:
            defined = {each.name for each in destination.libvirt_objects.networks}
            remedy = start_network(listen.network, define=listen.network not in defined)
            text = f"it listens on network {listen.network}, which is not active there"
            return no(text, remedies=[remedy])
    if listen.type != "address":
        return None
    known = has_address(listen.address, destination.network)
    if known is None and listen.address in _names(migration.destination):
        return None
    if known is None and listen.address in _names(migration.source):
        return probably_no(f"it listens on {listen.address}, the source's own name")
    if known is None:
        return no_idea(
            f"whether {listen.address} is an address there is not known",
            missing=["destination.network.interfaces.addresses"],
        )
    if known:
        return None
    remedy = change_definition(
        "Let the display listen on an address of every host",
        "graphics/listen/@address",
        _ANY_ADDRESS,
    )
    return no(f"it listens on {listen.address}, no address of the destination", remedies=[remedy])


def _names(host: Snapshot) -> set[str]:
    return {host.identity.hostname, host.identity.canonical_hostname} - {""}


FACTS = (name_uuid, ports_display)
