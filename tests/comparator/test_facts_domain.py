"""The domain's place on the destination, and definitions sent in place of its own."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases

VMS = "destination.domains.vms"
UUID = "11111111-2222-4333-8444-555555555555"
SAME = {
    "name": "guest",
    "uuid": UUID,
    "connectionUri": "qemu:///system",
    "state": "VM_STATE_SHUT_OFF",
}
NAMES = [
    ("free", {}, "YES"),
    ("shut off there", {VMS: [SAME]}, "PROBABLY_YES"),
    ("running there", {VMS: [{**SAME, "state": "VM_STATE_RUNNING"}]}, "NO"),
    ("the name is taken", {VMS: [{**SAME, "uuid": "other"}]}, "NO"),
    (
        "the name is taken, --dname",
        {VMS: [{**SAME, "uuid": "other"}], "options.destination_name": "guest2"},
        "YES",
    ),
    (
        "--dname is taken",
        {VMS: [{**SAME, "name": "guest2", "uuid": "other"}], "options.destination_name": "guest2"},
        "NO",
    ),
    ("the UUID is taken", {VMS: [{**SAME, "name": "other"}]}, "NO"),
    (
        "of another connection",
        {VMS: [{**SAME, "state": "VM_STATE_RUNNING", "connectionUri": "test:///default"}]},
        "YES",
    ),
    (
        "a running guest has the MAC address",
        {
            VMS: [
                {
                    "name": "n",
                    "uuid": "u",
                    "state": "VM_STATE_RUNNING",
                    "nics": [{"mac": "52:54:00:00:00:01"}],
                }
            ]
        },
        "PROBABLY_YES",
    ),
    ("not collected", {"destination.domains": None}, "NO_IDEA"),
]


def vnc(address="0.0.0.0", **fields):
    listen = {"type": "address", "address": address}
    return {"vm.graphics": [{"type": "vnc", "listens": [listen], **fields}]}


IN_USE = {"destination.network.listening_ports": [{"address": "0.0.0.0", "port": 5987}]}
CONF = "destination.security.qemu_conf"
LISTENS_ELSEWHERE = {CONF: {"vnc_listen": "192.0.2.1"}}


def configured(last):
    return {CONF: {"remote_display_port_min": "5987", "remote_display_port_max": str(last)}}


RENDERED = {
    "vm.graphics": [
        {"type": "egl-headless", "renderNode": {"path": "/dev/dri/renderD128", "exists": True}}
    ]
}
RENDER_NODE = "incoming.graphics[0].render_node"
DISPLAYS = [
    ("none", {}, "YES"),
    ("any address", vnc(autoport=True), "YES"),
    ("loopback", vnc("127.0.0.1", autoport=True), "YES"),
    ("the source's address", vnc("192.0.2.1", autoport=True), "NO"),
    ("the destination's address", vnc("192.0.2.2", autoport=True), "YES"),
    ("localhost", vnc("localhost", autoport=True), "YES"),
    ("the source's name", vnc("alpha", autoport=True), "PROBABLY_NO"),
    ("the destination's name", vnc("beta", autoport=True), "YES"),
    ("a name", vnc("console.example.net", autoport=True), "NO_IDEA"),
    ("a fixed port, free", vnc(port=5987), "YES"),
    ("a fixed port, in use", {**vnc(port=5987), **IN_USE}, "NO"),
    (
        "a fixed port, in use elsewhere",
        {
            **vnc("192.0.2.2", port=5987),
            "destination.network.listening_ports": [{"address": "127.0.0.1", "port": 5987}],
        },
        "YES",
    ),
    ("an automatic port, in use", {**vnc(port=5987, autoport=True), **IN_USE}, "YES"),
    ("a fixed port for WebSockets", {**vnc(websocket=5987, autoport=True), **IN_USE}, "NO"),
    ("an automatic one", {**vnc(websocket=-1, autoport=True), **IN_USE}, "YES"),
    ("a range in use", {**vnc(autoport=True), **IN_USE, **configured(5987)}, "NO"),
    ("a range with a free port", {**vnc(autoport=True), **IN_USE, **configured(5988)}, "YES"),
    ("no address", {"vm.graphics": [{"type": "vnc", "autoport": True}]}, "YES"),
    ("none, the host's is elsewhere", {**vnc(None, autoport=True), **LISTENS_ELSEWHERE}, "NO"),
    (
        "no listener, the host's is elsewhere",
        {"vm.graphics": [{"type": "vnc", "autoport": True}], **LISTENS_ELSEWHERE},
        "NO",
    ),
    (
        "of another kind of display",
        {"vm.graphics": [{"type": "spice", "autoport": True}], **LISTENS_ELSEWHERE},
        "YES",
    ),
    ("a render node", RENDERED, "YES"),
    ("a render node that is missing", {**RENDERED, f"{RENDER_NODE}.exists": False}, "NO"),
    ("its own address", {**vnc(autoport=True), **LISTENS_ELSEWHERE}, "YES"),
    (
        "an inactive network",
        {"vm.graphics": [{"type": "vnc", "listens": [{"type": "network", "network": "lan"}]}]},
        "NO",
    ),
    (
        "a socket, its directory not looked at",
        {"vm.graphics": [{"type": "vnc", "socketPath": {"path": "/srv/v.sock", "exists": False}}]},
        "PROBABLY_YES",
    ),
    (
        "a socket, no directory",
        {
            "vm.graphics": [
                {
                    "type": "vnc",
                    "socketPath": {
                        "path": "/srv/v/v.sock",
                        "exists": False,
                        "existingParent": "/srv",
                    },
                }
            ]
        },
        "NO",
    ),
    ("not collected", {**vnc(), "destination.network": None}, "NO_IDEA"),
]

XML = {"options.destination_xml": "<domain/>"}


CPU = {
    "mode": "custom",
    "match": "exact",
    "check": "full",
    "model": "Haswell-noTSX-IBRS",
    "vendor": "Intel",
}
TOLD = {**XML, "vm.system_information": {}}
SENT = {**XML, "vm.migratable_cpu": CPU}


def cpu_features(side, *names, policy="require"):
    features = [{"name": name, "policy": policy} for name in names]
    return {f"{side}.{field}.features": features for field in ("cpu", "migratable_cpu")}


def devices(here, there):
    return {**XML, "vm.other_devices": here, "incoming.other_devices": there}


BALLOON = {"kind": "memballoon", "model": "virtio"}
ABI = [
    ("a balloon of another model", devices([BALLOON], [{**BALLOON, "model": "none"}]), "NO"),
    ("a balloon that libvirt adds", devices([BALLOON], []), "YES"),
    ("a video card more", devices([], [{"kind": "video", "model": "vga"}]), "NO"),
    ("another backend for sound", devices([], [{"kind": "audio"}]), "YES"),
    (
        "a serial port more",
        {**XML, "incoming.character_devices": [{"kind": "serial", "type": "pty"}]},
        "NO",
    ),
    (
        "another feature",
        {**XML, "incoming.hypervisor_features.enabled": ["acpi"]},
        "NO",
    ),
    (
        "what libvirt switches on",
        {**XML, "incoming.hypervisor_features.enabled": ["acpi", "apic", "smm"]},
        "YES",
    ),
    ("no --xml", {"incoming.memory.maximum_bytes": 1}, "YES"),
    ("the same", XML, "YES"),
    ("memory", {**XML, "incoming.memory.maximum_bytes": 1}, "NO"),
    ("vCPUs", {**XML, "incoming.vcpus.maximum_count": 4}, "NO"),
    ("machine type", {**XML, "incoming.machine_type": "pc-i440fx-7.2"}, "NO"),
    ("machine type by its alias", {**XML, "incoming.machine_type": "q35"}, "YES"),
    ("UUID", {**XML, "incoming.uuid": "u"}, "NO"),
    ("name", {**XML, "incoming.name": "g2"}, "NO"),
    ("name, --dname", {**XML, "incoming.name": "g2", "options.destination_name": "g2"}, "YES"),
    ("SMBIOS mode", {**TOLD, "incoming.system_information.smbios_mode": "emulate"}, "NO"),
    ("SMBIOS values", {**TOLD, "incoming.system_information.values": ["system.product=A"]}, "NO"),
    ("sysinfo", {**TOLD, "incoming.system_information.types": ["fwcfg"]}, "NO"),
    ("SMBIOS, not told here", {**XML, "incoming.system_information.types": ["smbios"]}, "YES"),
    ("disk target", {**XML, "incoming.disks[0].target": "vdb"}, "NO"),
    ("disk bus", {**XML, "incoming.disks[0].bus": "scsi"}, "NO"),
    ("MAC address", {**XML, "incoming.nics[0].mac": "52:54:00:00:00:02"}, "NO"),
    ("bridge", {**XML, "incoming.nics[0].bridge": "br9"}, "YES"),
    ("current memory", {**XML, "incoming.memory.current_bytes": 1}, "YES"),
    ("a device more", {**XML, "incoming.other_devices": [{"kind": "rng"}]}, "NO"),
    ("a controller more", {**XML, "incoming.other_devices": [{"kind": "controller"}]}, "YES"),
    ("CPU model", {**SENT, "incoming.cpu.model": "qemu64"}, "NO"),
    ("CPU mode", {**SENT, "incoming.cpu.mode": "host-model"}, "NO"),
    ("CPU vendor", {**SENT, "incoming.cpu.vendor": None}, "NO"),
    ("CPU match", {**SENT, "incoming.cpu.match": "minimum"}, "NO"),
    ("CPU fallback", {**SENT, "incoming.cpu.fallback": "allow"}, "YES"),
    ("CPU check", {**SENT, "incoming.cpu.check": None}, "NO"),
    ("CPU address bits", {**SENT, "incoming.cpu.physical_address_bits": 39}, "NO"),
    ("CPU cache", {**SENT, "incoming.cpu.cache_mode": "disable"}, "NO"),
    ("CPU topology", {**SENT, "incoming.cpu.topology": {"socketCount": 2}}, "NO"),
    ("no CPU", {**SENT, "incoming.cpu": None}, "YES"),
    ("CPU model, what is sent not told", {**XML, "incoming.cpu.model": "qemu64"}, "PROBABLY_NO"),
    (
        "CPU as libvirt sends it",
        {
            **XML,
            **cpu_features("vm", "avx"),
            "vm.migratable_cpu": {**CPU, "check": "partial"},
            "incoming.cpu": {**CPU, "check": "partial"},
        },
        "YES",
    ),
    ("CPU features", {**SENT, **cpu_features("incoming", "avx")}, "NO"),
    (
        "CPU features by other names",
        {**SENT, **cpu_features("vm", "sse4.1"), **cpu_features("incoming", "sse4_1")},
        "YES",
    ),
    (
        "CPU features in another order",
        {**SENT, **cpu_features("vm", "avx", "avx2"), **cpu_features("incoming", "avx2", "avx")},
        "NO",
    ),
    (
        "CPU features that libvirt leaves out by itself",
        {**SENT, **cpu_features("vm", "avx", "vmx-ept"), **cpu_features("incoming", "avx")},
        "YES",
    ),
    (
        "CPU feature that libvirt disables by itself",
        {**SENT, **cpu_features("incoming", "pconfig", policy="disable")},
        "YES",
    ),
    (
        "the policy of a CPU feature",
        {
            **SENT,
            **cpu_features("vm", "svm", policy="disable"),
            **cpu_features("incoming", "svm", policy="forbid"),
        },
        "NO",
    ),
    ("pending", {"options.persistent": True, "vm.pending_configuration": True}, "PROBABLY_YES"),
]

WORDS = "incoming.definition_words"
KNOWS = "destination.hypervisor.connections[0].libvirt_version"
NEWER = {"source.hypervisor.connections[0].libvirt_version": 11_003_000}
TOLD = {"probes.definition.answer.understood": True}
UNDERSTOOD = [
    ("the same libvirt", {}, "YES"),
    ("an older libvirt knows every word", {**NEWER, WORDS: ["features", "features/acpi"]}, "YES"),
    ("an older libvirt, words unknown", NEWER, "PROBABLY_YES"),
    ("a feature that is refused", {WORDS: ["features/ps2", "features/ps2/@state"]}, "NO"),
    ("a choice that is refused", {WORDS: ["devices/panic/@model=pvpanic"]}, "NO"),
    ("a choice among patterns", {WORDS: ["os/acpi/table/@type=rawset"]}, "NO"),
    ("a feature that is known", {WORDS: ["features/ps2"], KNOWS: 10_007_000}, "YES"),
    ("a device that is dropped", {WORDS: ["devices/pstore"]}, "NO"),
    ("what may be dropped", {WORDS: ["devices/iommu/driver/@dma_translation"]}, "PROBABLY_YES"),
    (
        "a distribution that backports",
        {WORDS: ["features/ps2"], "destination.identity.os_id": "rhel"},
        "PROBABLY_NO",
    ),
    ("libvirt takes a new word", {WORDS: ["features/ps2"], **TOLD}, "YES"),
    ("libvirt takes it, and drops some", {WORDS: ["devices/pstore"], **TOLD}, "NO"),
    (
        "libvirt refuses it",
        {"probes.definition.answer": {"understood": False, "reason": "unexpected feature 'x'"}},
        "PROBABLY_NO",
    ),
    (
        "libvirt refuses the stored definition",
        {
            **TOLD,
            "options.persistent": True,
            "probes.persistent_definition.answer": {"understood": False, "reason": "no ps2"},
        },
        "PROBABLY_NO",
    ),
    (
        "libvirt refuses a stored definition that stays",
        {
            **TOLD,
            "probes.persistent_definition.answer": {"understood": False, "reason": "no ps2"},
        },
        "YES",
    ),
    ("the version is unknown", {KNOWS: None}, "NO_IDEA"),
    ("another hypervisor", {"vm.domain_type": "xen"}, "YES"),
    ("hypervisor not collected", {"destination.hypervisor": None}, "NO_IDEA"),
]

TABLES = {
    "domain.understood": UNDERSTOOD,
    "domain.name_uuid": NAMES,
    "domain.ports_display": DISPLAYS,
    "domain.config_abi": ABI,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


@pytest.mark.parametrize(
    ("fact", "changes", "kinds"),
    [
        (
            "domain.name_uuid",
            {VMS: [{**SAME, "uuid": "other"}]},
            ["remove_domain", "change_migration_option"],
        ),
        ("domain.ports_display", vnc("192.0.2.1"), ["change_definition"]),
        (
            "domain.config_abi",
            {**XML, "incoming.memory.maximum_bytes": 1},
            ["change_migration_option"],
        ),
    ],
)
def test_remedies(fact, changes, kinds):
    assert remedy_kinds(finding(fact, migration(changes))) == kinds


def test_what_differs_is_told_with_values():
    found = finding("domain.config_abi", migration({**XML, "incoming.memory.maximum_bytes": 1}))
    assert "memory: 2147483648 here, 1 there" in found.reason
