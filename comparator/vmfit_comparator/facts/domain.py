"""Facts about the domain's definition on the destination."""

from collections import Counter
from collections.abc import Callable
from functools import partial

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Graphics, GraphicsListen, Vm
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import (
    Outcome,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.evaluation.remedies import (
    add_option,
    change_definition,
    drop_option,
    remove_domain,
    start_network,
)
from vmfit_comparator.facts.dev_paths import creatable
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.active import is_active
from vmfit_comparator.knowledge.connections import canonical_machine, connection_for
from vmfit_comparator.knowledge.cpu_definition import cpu_differences
from vmfit_comparator.knowledge.disks import is_read_only, joined
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


# Devices that libvirt never adds by itself.
_COUNTED = ("rng", "sound", "vsock", "shmem", "hub", "iommu", "crypto")
# Features that libvirt never switches on by itself.
_FEATURES = {"acpi", "apic", "pae", "pmu", "vmport", "vmcoreinfo"}
# Devices whose model the check compares; libvirt itself adds some that a definition leaves out.
_MODELS = ("memballoon", "video", "watchdog", "rng", "sound", "panic", "iommu")
# Backends of the host's, and controllers, of which every device may bring another.
_UNCOUNTED = ("audio", "controller")
# What libvirt's ABI check compares: a word, and how to read it from a definition.
_STRICT: tuple[tuple[str, Callable[[Vm], object]], ...] = (
    ("type", lambda vm: vm.domain_type),
    ("architecture", lambda vm: vm.architecture),
    ("memory", lambda vm: vm.memory.maximum_bytes),
    ("maximum memory", lambda vm: vm.memory.hotplug_maximum_bytes),
    ("memory slots", lambda vm: vm.memory.slot_count),
    ("maximum of vCPUs", lambda vm: vm.vcpus.maximum_count),
    ("vCPUs", lambda vm: vm.vcpus.current_count),
    ("NUMA cells", lambda vm: [(c.memory_bytes, tuple(c.vcpu_ids)) for c in vm.numa.cells]),
    ("disks", lambda vm: [f"{d.target} ({d.device})" for d in vm.disks]),
    ("disk serials", lambda vm: [(d.serial, d.wwn) for d in vm.disks]),
    ("disk access", lambda vm: [(is_read_only(d), d.shareable) for d in vm.disks]),
    ("NICs", lambda vm: [n.mac for n in vm.nics]),
    ("hostdevs", lambda vm: [(h.mode, h.type) for h in vm.host_devices]),
    ("TPMs", lambda vm: [(t.model, t.backend) for t in vm.tpms]),
    ("shares", lambda vm: [f.target for f in vm.filesystems]),
    ("other devices", lambda vm: sorted(o.kind for o in vm.other_devices if o.kind in _COUNTED)),
    ("features", lambda vm: sorted({*vm.hypervisor_features.enabled} & _FEATURES)),
    ("Hyper-V features", lambda vm: sorted(vm.hypervisor_features.hyperv)),
)


def _models(kind: str, vm: Vm) -> list[str]:
    return [each.model for each in vm.other_devices if each.kind == kind]


# Where a definition may leave the choice to libvirt.
_WHERE_GIVEN: tuple[tuple[str, Callable[[Vm], list[str]]], ...] = (
    ("UUID", lambda vm: [vm.uuid]),
    ("disk bus", lambda vm: [d.bus for d in vm.disks]),
    ("NIC model", lambda vm: [n.model for n in vm.nics]),
    ("loader type", lambda vm: [vm.firmware.loader_type]),
    *((f"model of {kind}", partial(_models, kind)) for kind in _MODELS),
)
_COMPARED = (
    *("domain_type", "architecture", "machine_type", "uuid", "memory", "vcpus", "numa", "disks"),
    *("nics", "host_devices", "tpms", "filesystems", "other_devices", "firmware", "os_type", "cpu"),
    *("character_devices", "hypervisor_features"),
)


@fact(
    "domain.config_abi",
    question="Does the definition sent with --xml show the guest the same machine?",
    reads=("vm.name", "incoming.name"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        *(f"vm.{field}" for field in _COMPARED),
        *(f"incoming.{field}" for field in _COMPARED),
        "vm.migratable_cpu",
        "destination.hypervisor.connections",
        "options.destination_xml",
        "options.destination_name",
        "options.persistent",
        "vm.pending_configuration",
    ),
)
def config_abi(migration: Migration) -> Outcome:
    """Compare what libvirt's ABI check compares between the live and the incoming definition.

    A difference that the guest could see (memory, vCPUs, machine type, UUID, features, disks by
    target and bus, NICs by MAC and model, another model or more of other devices) is NO, as is
    another name without --dname, and any difference of the CPU's definition but that of its
    fallback: PROBABLY_NO where the source does not tell the one that libvirt would send. Of devices
    that libvirt adds itself fewer may be named. With --persistent a pending change of the stored
    definition is PROBABLY_YES: it moves along.

    Source: libvirt's virDomainDefCheckABIStability, qemuDomainFormatXML with MIGRATABLE.
    """
    options = migration.options
    if not options.destination_xml:
        if options.persistent and migration.vm.pending_configuration:
            return probably_yes("the stored definition has changes that wait for a restart")
        return not_applicable("does not apply: the definition is sent as it is")
    here, there = migration.vm, migration.incoming
    differences = _differences(migration)
    if there.name not in (here.name, options.destination_name):
        differences.append(f"name: {here.name} here, {there.name} there (use --dname)")
    remedy = drop_option("--xml", "or give the guest the same devices in it")
    told = here.HasField("migratable_cpu")
    sent = here.migratable_cpu if told else here.cpu
    cpu = cpu_differences(sent, there.cpu) if here.HasField("cpu") and there.HasField("cpu") else []
    if differences or (cpu and told):
        return no("; ".join([*differences, *cpu]), remedies=[remedy])
    if cpu:
        text = f"{'; '.join(cpu)}, compared with the CPU that libvirt started"
        return probably_no(text, probability=0.3, remedies=[remedy])
    return yes("the definition sent shows the guest the same machine")


def _differences(migration: Migration) -> list[str]:
    here, there = migration.vm, migration.incoming
    found: list[tuple[str, object, object]] = []
    connection = connection_for(here, migration.destination)
    if connection is not None:
        machines = [canonical_machine(each, connection) for each in (here, there)]
        if all(machines) and machines[0] != machines[1]:
            found.append(("machine type", machines[0], machines[1]))
    for word, read in _STRICT:
        if read(here) != read(there):
            found.append((word, read(here), read(there)))
    mine, theirs = _counts(here), _counts(there)
    found += [(k, mine[k], n) for k, n in theirs.items() if n > mine[k] and k not in _COUNTED]
    for word, read_all in _WHERE_GIVEN:
        pairs = zip(read_all(here), read_all(there), strict=False)
        found += [(word, *pair) for pair in pairs if all(pair) and pair[0] != pair[1]]
    return [f"{word}: {_short(one)} here, {_short(other)} there" for word, one, other in found]


def _counts(vm: Vm) -> Counter[str]:
    kinds = [each.kind for each in vm.other_devices if each.kind not in _UNCOUNTED]
    return Counter(kinds + [each.kind for each in vm.character_devices])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:80] + "…"


FACTS = (name_uuid, ports_display, config_abi)
