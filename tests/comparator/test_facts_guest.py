"""What runs in the guest, placement rules, VLANs, offloads, and added CPU features."""

import pytest

from tests.comparator.builders import answer, finding
from tests.comparator.tables import case_of, cases

CONNECTION = "hypervisor.connections[0]"


def arguments(*words):
    return {"vm.qemu_arguments": list(words)}


BLOCKERS = [
    ("none", {}, "YES"),
    ("a setting", arguments("-global", "x=y"), "YES"),
    ("never migrates", arguments("-device", "nvme,serial=x"), "NO"),
    ("never migrates, on PCI", arguments("-device", "virtio-crypto-pci"), "NO"),
    ("never migrates, as JSON", arguments("-device", '{"driver":"nvme","id":"n"}'), "NO"),
    ("virtiofs, old QEMU", arguments("-device", "vhost-user-fs-pci"), "NO"),
    (
        "virtiofs",
        {
            **arguments("-device", "vhost-user-fs-pci"),
            f"source.{CONNECTION}.hypervisor_version": 8_002_000,
        },
        "PROBABLY_YES",
    ),
    ("some device", arguments("-device", "edu"), "PROBABLY_YES"),
    ("a CPU that stays", arguments("-cpu", "host,migratable=off"), "PROBABLY_NO"),
]
BUSY = {"destination.network.listening_ports": [{"address": "0.0.0.0", "port": 4321}]}
SERVER = arguments("-chardev", "socket,id=c,host=0.0.0.0,port=4321,server=on,wait=off")
PORTS = [
    ("none", {}, "YES"),
    ("no port", arguments("-chardev", "socket,id=c,path=/run/c,server=on"), "YES"),
    ("free", SERVER, "YES"),
    ("in use", {**SERVER, **BUSY}, "NO"),
    ("a serial line, in use", {**arguments("-serial", "tcp::4321,server,nowait"), **BUSY}, "NO"),
    ("a debugger, in use", {**arguments("-gdb", "tcp::4321"), **BUSY}, "NO"),
    ("a monitor over IPv6", arguments("-monitor", "telnet:[::1]:4321,server=on"), "YES"),
    ("the source's address", arguments("-qmp", "tcp:192.0.2.1:4321,server=on"), "NO"),
    ("a client", {**arguments("-chardev", "socket,host=filer,port=4321"), **BUSY}, "PROBABLY_YES"),
    ("no number", arguments("-serial", "tcp::99999,server=on"), "YES"),
    ("not collected", {**SERVER, "destination.network": None}, "NO_IDEA"),
]
CHANNEL = {
    "vm.character_devices": [
        {"kind": "channel", "type": "unix", "targetName": "org.qemu.guest_agent.0"}
    ]
}
AGENT = [
    ("no channel", {}, "YES"),
    ("connected", {**CHANNEL, "vm.guest_agent_connected": True}, "YES"),
    ("not connected", {**CHANNEL, "vm.guest_agent_connected": False}, "PROBABLY_YES"),
    ("unknown", CHANNEL, "PROBABLY_YES"),
    ("another channel", {"vm.character_devices": [{"kind": "channel"}]}, "YES"),
]
OTHER = {"destination.domains.vms": [{"name": "db-2", "state": "VM_STATE_RUNNING"}]}


def placement(**rules):
    return {"destination.attributes.values": {"placement": rules}}


def named(name, **rules):
    return {"vm.name": name, **placement(**rules)}


AFFINITY = [
    ("no rules", {}, "YES"),
    ("another attribute", {"destination.attributes.values": {"rack": {"row": 1}}}, "YES"),
    ("accepted", named("web-1", accepts=["web-*"]), "YES"),
    ("not accepted", named("db-1", accepts=["web-*"]), "NO"),
    ("refused", named("db-1", refuses=["db-?"]), "NO"),
    ("avoided", named("db-1", avoids=["db-*"]), "PROBABLY_NO"),
    ("apart", {**named("db-1", apart=[["db-1", "db-2"]]), **OTHER}, "NO"),
    ("apart from nobody here", named("db-1", apart=[["db-1", "db-2"]]), "YES"),
    ("rules of another shape", named("db-1", refuses="db-*"), "NO_IDEA"),
    ("rules of another shape still", named("db-1", refuses=[1]), "NO_IDEA"),
]
INTERFACES = "destination.network.interfaces"
VLAN = [
    ("the same", {}, "YES"),
    ("another VLAN", {f"{INTERFACES}[1].vlan_id": 7}, "PROBABLY_NO"),
    ("the same VLAN", {"hosts.network.interfaces[1].vlan_id": 7}, "YES"),
    (
        "no uplink there",
        {f"{INTERFACES}[2].bridge": {"ports": []}, f"{INTERFACES}[1].master": None},
        "PROBABLY_NO",
    ),
    ("bridge unknown", {f"{INTERFACES}[2].name": "br7"}, "YES"),
    ("no NICs", {"vm.nics": []}, "YES"),
]
NEW_QEMU = {f"hosts.{CONNECTION}.hypervisor_version": 8_002_000, "vm.machine_type": "pc-q35-8.2"}


def kernels(before, after):
    return {"source.kernel.release": before, "destination.kernel.release": after}


LOST = kernels("6.2.0", "5.14.0")
NEWEST = {f"hosts.{CONNECTION}.hypervisor_version": 10_002_000, "vm.machine_type": "pc-q35-10.2"}
OFFLOAD = [
    ("old QEMU", LOST, "YES"),
    ("old machine type", {**NEW_QEMU, **LOST, "vm.machine_type": "pc-q35-7.2"}, "YES"),
    ("USO lost", {**NEW_QEMU, **LOST}, "PROBABLY_NO"),
    ("queue reset lost", kernels("6.3.0", "6.2.0"), "PROBABLY_NO"),
    (
        "queue reset, without vhost",
        {**kernels("6.3.0", "6.2.0"), "vm.nics[0].driver_name": "qemu"},
        "YES",
    ),
    ("queue reset, TCG", {**kernels("6.3.0", "6.2.0"), "vm.domain_type": "qemu"}, "YES"),
    (
        "queue reset, old machine type",
        {**kernels("6.3.0", "6.2.0"), "vm.machine_type": "pc-q35-7.1"},
        "YES",
    ),
    ("tunnels lost", {**NEWEST, **kernels("6.17.0", "6.12.0")}, "PROBABLY_NO"),
    ("tunnels not offered", {**NEW_QEMU, **kernels("6.17.0", "6.12.0")}, "YES"),
    ("gained", {**NEW_QEMU, **kernels("5.14.0", "6.8.0")}, "PROBABLY_YES"),
    ("kept", {**NEW_QEMU, **kernels("6.8.0", "6.9.0")}, "YES"),
    ("not to be compared", {**NEW_QEMU, **kernels("mine", "yours")}, "NO_IDEA"),
    (
        "another model",
        {**NEW_QEMU, **kernels("6.8.0", "5.14.0"), "vm.nics[0].model": "e1000e"},
        "YES",
    ),
    ("kernel unknown", {"destination.kernel": None}, "NO_IDEA"),
]
ADDS = {
    f"destination.{CONNECTION}.hypervisor_version": 10_000_000,
    f"destination.{CONNECTION}.libvirt_version": 10_000_000,
    "vm.cpu.topology": {"socketCount": 1, "coreCount": 2, "threadCount": 1},
}
EXTRA = [
    ("none known", {}, "YES"),
    ("ht of QEMU 10", ADDS, "PROBABLY_NO"),
    (
        "ht, and libvirt knows",
        {**ADDS, f"destination.{CONNECTION}.libvirt_version": 11_010_000},
        "YES",
    ),
    ("ht, one thread in a socket", {**ADDS, "vm.cpu.topology": None}, "YES"),
    ("passed through", {**ADDS, "vm.cpu.mode": "host-passthrough"}, "YES"),
    ("unknown", {"destination.hypervisor": None}, "NO_IDEA"),
]
ADDRESS = "0000:3b:00.1"
PASSED = {"vm.host_devices": [{"type": "pci", "mode": "subsystem", "pciAddress": ADDRESS}]}


def bound(before, after):
    device = {"address": ADDRESS, "vendorId": "15b3", "deviceId": "101e"}
    return {
        **PASSED,
        "source.pci.devices": [{**device, "driver": before}],
        "destination.pci.devices": [{**device, "address": "0000:01:00.1", "driver": after}],
    }


VFIO = [
    ("nothing passed through", {}, "YES"),
    ("plain", bound("vfio-pci", "vfio-pci"), "NO"),
    ("variants", bound("mlx5_vfio_pci", "mlx5_vfio_pci"), "PROBABLY_YES"),
    ("a variant on the source", bound("mlx5_vfio_pci", "mlx5_core"), "PROBABLY_NO"),
    (
        "an old kernel",
        {**bound("mlx5_vfio_pci", "mlx5_vfio_pci"), "destination.kernel.release": "5.14.0"},
        "NO",
    ),
    ("not shown", PASSED, "NO_IDEA"),
    ("not collected", {**PASSED, "destination.pci": None}, "NO_IDEA"),
    ("a partner", {"vm.host_devices": [{"type": "pci", "teaming": "transient"}]}, "YES"),
]
TABLES = {
    "net.argument_ports": PORTS,
    "vm.migration_blockers": BLOCKERS,
    "vm.guest_agent": AGENT,
    "policy.affinity": AFFINITY,
    "net.vlan_reach": VLAN,
    "net.offload_features": OFFLOAD,
    "cpu.extra_features": EXTRA,
    "dev.vfio_migratable": VFIO,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
