"""What is behind character devices, option ROMs and vhost."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality


def serial(**fields):
    return {"vm.character_devices": [{"kind": "serial", **fields}]}


LOG = {"path": "/var/log/con/g.log", "exists": False}
DIRECTORY = {"exists": True, "kind": "directory"}
CLIENT = {"type": "tcp", "mode": "connect", "port": 7000}
SERVED = {"destination.network.listening_ports": [{"address": "127.0.0.1", "port": 7000}]}
UNSERVED = {"destination.network.listening_ports": [{"address": "0.0.0.0", "port": 16509}]}
MAPPED = {"destination.network.listening_ports": [{"address": "::ffff:127.0.0.1", "port": 7000}]}
ELSEWHERE = serial(**CLIENT, host="192.0.2.77")
SOCKET = {"path": "/run/con.sock", "exists": True, "kind": "socket"}


def shared_memory(**path):
    device = {"kind": "shmem", "model": "ivshmem-plain", "role": "master", "sizeBytes": 4096}
    return {"vm.other_devices": [{**device, "path": {"path": "/dev/shm/area", **path}}]}


def served(outcome):
    answer = {"outcome": f"CONNECT_OUTCOME_{outcome}"}
    port = {"host": "192.0.2.77", "port": CLIENT["port"], "answer": answer}
    return {"probes.device_servers": [port]}


CHARACTER_DEVICES = [
    ("pty", serial(type="pty"), "YES"),
    ("file", serial(type="file", path={**LOG, "existingParent": "/var/log/con"}), "YES"),
    ("file, no directory", serial(type="file", path={**LOG, "existingParent": "/var/log"}), "NO"),
    ("file, a directory there", serial(type="file", path={"path": "/d", **DIRECTORY}), "NO"),
    (
        "file, a read-only mount",
        serial(
            type="file",
            path={
                **LOG,
                "existingParent": "/var/log/con",
                "filesystem": {"mountPoint": "/var/log", "readOnly": True},
            },
        ),
        "NO",
    ),
    ("file, parent not told", serial(type="file", path=LOG), "PROBABLY_YES"),
    ("file, nobody looked", serial(type="file", path={"path": "/var/log/con/g"}), "NO_IDEA"),
    ("log, no directory", serial(type="pty", log={**LOG, "existingParent": "/"}), "NO"),
    (
        "listening socket",
        serial(type="unix", mode="bind", path={**LOG, "existingParent": "/"}),
        "NO",
    ),
    (
        "libvirt's socket",
        serial(type="unix", mode="bind", automaticPath=True, path={**LOG, "existingParent": "/"}),
        "YES",
    ),
    ("socket to connect to", serial(type="unix", mode="connect", path=LOG), "NO"),
    ("device", serial(type="dev", path={"path": "/dev/ttyS1", "exists": True}), "YES"),
    ("device, missing", serial(type="dev", path={"path": "/dev/ttyS1", "exists": False}), "NO"),
    ("pipe, missing", serial(type="pipe", path=LOG), "NO"),
    (
        "pipe, both ends",
        serial(type="pipe", path=LOG, pipeEnds=[{**LOG, "exists": True}, {**LOG, "exists": True}]),
        "YES",
    ),
    ("pipe, one end", serial(type="pipe", path=LOG, pipeEnds=[{**LOG, "exists": True}, LOG]), "NO"),
    ("client, elsewhere", serial(**CLIENT, host="192.0.2.77"), "PROBABLY_YES"),
    ("client, elsewhere, answered", {**ELSEWHERE, **served("CONNECTED")}, "YES"),
    ("client, elsewhere, refused", {**ELSEWHERE, **served("REFUSED")}, "NO"),
    ("client, elsewhere, no way", {**ELSEWHERE, **served("UNREACHABLE")}, "NO"),
    ("client, elsewhere, no name", {**ELSEWHERE, **served("UNRESOLVED")}, "NO"),
    ("client, elsewhere, silent", {**ELSEWHERE, **served("TIMED_OUT")}, "PROBABLY_NO"),
    ("client, elsewhere, unknown", {**ELSEWHERE, **served("UNSPECIFIED")}, "NO_IDEA"),
    (
        "client, elsewhere, tries again",
        {**serial(**CLIENT, host="192.0.2.77", reconnects=True), **served("REFUSED")},
        "YES",
    ),
    (
        "client, elsewhere, a failed probe",
        {**ELSEWHERE, "probes.device_servers": []},
        "PROBABLY_YES",
    ),
    ("sends UDP", serial(type="udp", mode="connect", host="logs", port=514), "YES"),
    (
        "sends UDP to a name",
        {
            **serial(type="udp", mode="connect", host="logs", port=514),
            "probes.device_names": [{"name": "logs", "answer": {"addresses": ["192.0.2.9"]}}],
        },
        "YES",
    ),
    (
        "sends UDP to no name",
        {
            **serial(type="udp", mode="connect", host="logs", port=514),
            "probes.device_names": [{"name": "logs", "answer": {"reason": "no such name"}}],
        },
        "NO",
    ),
    (
        "socket where nothing listens",
        serial(type="unix", mode="connect", path={**SOCKET, "listening": False}),
        "PROBABLY_NO",
    ),
    (
        "socket where something listens",
        serial(type="unix", mode="connect", path={**SOCKET, "listening": True}),
        "YES",
    ),
    ("socket, no table", serial(type="unix", mode="connect", path=SOCKET), "YES"),
    (
        "socket, tries again",
        serial(type="unix", mode="connect", path={**SOCKET, "listening": False}, reconnects=True),
        "YES",
    ),
    (
        "socket, tries again, missing",
        serial(type="unix", mode="connect", path=LOG, reconnects=True),
        "NO",
    ),
    ("client, here, served", {**serial(**CLIENT, host="localhost"), **SERVED}, "YES"),
    (
        "client, here, served on a mapped address",
        {**serial(**CLIENT, host="127.0.0.1"), **MAPPED},
        "YES",
    ),
    ("client, here, not served", {**serial(**CLIENT, host="127.0.0.1"), **UNSERVED}, "NO"),
    (
        "client that tries again",
        {**serial(**CLIENT, host="127.0.0.1", reconnects=True), **UNSERVED},
        "YES",
    ),
    ("tcp", serial(type="tcp", mode="bind", host="0.0.0.0", port=7000), "YES"),
    ("tcp, other address", serial(type="tcp", mode="bind", host="192.0.2.1", port=7000), "NO"),
    (
        "tcp, port in use",
        {
            **serial(type="tcp", mode="bind", host="192.0.2.2", port=7000),
            "destination.network.listening_ports": [{"address": "0.0.0.0", "port": 7000}],
        },
        "NO",
    ),
    (
        "tcp, UDP port in use",
        {
            **serial(type="tcp", mode="bind", host="0.0.0.0", port=7000),
            "destination.network.udp_ports": [{"address": "0.0.0.0", "port": 7000}],
        },
        "YES",
    ),
    ("udp", {**serial(type="udp", mode="bind", host="0.0.0.0", port=7000), **SERVED}, "YES"),
    (
        "udp, port in use",
        {
            **serial(type="udp", mode="bind", host="0.0.0.0", port=7000),
            "destination.network.udp_ports": [{"address": "192.0.2.2", "port": 7000}],
        },
        "PROBABLY_NO",
    ),
    (
        "udp, port in use at another address",
        {
            **serial(type="udp", mode="bind", host="192.0.2.2", port=7000),
            "destination.network.udp_ports": [{"address": "127.0.0.1", "port": 7000}],
        },
        "YES",
    ),
    ("tcp, to connect", serial(type="tcp", mode="connect", host="h", port=1), "PROBABLY_YES"),
    (
        "tcp, not collected",
        {**serial(type="tcp", mode="bind", host="::", port=7000), "destination.network": None},
        "NO_IDEA",
    ),
    ("shared memory", shared_memory(exists=False), "YES"),
    ("shared memory of its size", shared_memory(exists=True, sizeBytes=4096), "YES"),
    ("shared memory, empty", shared_memory(exists=True, sizeBytes=0), "YES"),
    ("shared memory, too small", shared_memory(exists=True, sizeBytes=2048), "NO"),
    ("urandom", {"vm.other_devices": [{"kind": "rng", "path": {"path": "/dev/urandom"}}]}, "YES"),
    (
        "hwrng, missing",
        {"vm.other_devices": [{"kind": "rng", "path": {"path": "/dev/hwrng", "exists": False}}]},
        "NO",
    ),
]
ROM = {"vm.nics[0].rom": {"path": "/r.rom", "exists": True, "sizeBytes": 200_000}}
FILES = {
    "hosts.hypervisor.rom_files": [
        {"name": "efi-virtio.rom", "sizeBytes": 249_344},
        {"name": "vgabios-qxl.bin", "sizeBytes": 39_424},
    ]
}
THEIRS = "destination.hypervisor.rom_files"
PLACED = [{"name": "vgabios.bin", "path": "/usr/share/vgabios.bin", "sizeBytes": 39_000}]
BIOS = {"name": "bios-256k.bin", "path": "/usr/share/bios-256k.bin", "sizeBytes": 262_144}
ROMS = [
    ("QEMU's own", FILES, "YES"),
    ("QEMU's own, another build", {**FILES, f"{THEIRS}[0].size_bytes": 250_000}, "YES"),
    ("QEMU's own, larger", {**FILES, f"{THEIRS}[0].size_bytes": 700_000}, "NO"),
    ("QEMU's own, larger, for a machine type of the distribution",
     {**FILES, f"{THEIRS}[0].size_bytes": 700_000, "vm.machine_type": "pc-i440fx-xenial"},
     "NO_IDEA"),
    ("QEMU's own, not known there", {**FILES, THEIRS: []}, "YES"),
    ("QEMU's own, missing beside others at the same place",
     {"source.hypervisor.rom_files": [*PLACED, {"name": "efi-virtio.rom", "sizeBytes": 249_344}],
      THEIRS: PLACED}, "PROBABLY_NO"),
    ("QEMU's own, missing beside others elsewhere",
     {"source.hypervisor.rom_files": [*PLACED, {"name": "efi-virtio.rom", "sizeBytes": 249_344}],
      THEIRS: [{**PLACED[0], "path": "/opt/bios.bin"}]}, "YES"),
    ("the BIOS, missing", {"source.hypervisor.rom_files": [*PLACED, BIOS], THEIRS: PLACED},
     "PROBABLY_NO"),
    ("the BIOS, larger",
     {"source.hypervisor.rom_files": [BIOS], THEIRS: [{**BIOS, "sizeBytes": 524_288}]}, "NO"),
    ("the BIOS, missing under UEFI",
     {"source.hypervisor.rom_files": [*PLACED, BIOS], THEIRS: PLACED,
      "vm.firmware.auto_type": "efi"}, "YES"),
    (
        "a video card's, larger",
        {
            **FILES,
            f"{THEIRS}[1].size_bytes": 80_000,
            "vm.other_devices": [{"kind": "video", "type": "qxl"}],
        },
        "NO",
    ),
    ("none", {}, "YES"),
    ("same", ROM, "YES"),
    ("same after rounding", {**ROM, "incoming.nics[0].rom.size_bytes": 250_000}, "YES"),
    ("larger", {**ROM, "incoming.nics[0].rom.size_bytes": 700_000}, "NO"),
    ("missing", {**ROM, "incoming.nics[0].rom.exists": False}, "NO"),
    ("nobody looked", {**ROM, "incoming.nics[0].rom.exists": None}, "NO_IDEA"),
    ("size not known", {**ROM, "incoming.nics[0].rom.size_bytes": None}, "PROBABLY_YES"),
    (
        "switched off",
        {**ROM, "incoming.nics[0].rom.exists": False, "vm.nics[0].rom_disabled": True},
        "YES",
    ),
]  # fmt: skip
NODES = "destination.kernel.device_nodes"
VSOCK = {
    "vm.other_devices": [{"kind": "vsock", "vsockCid": 3}],
    NODES: ["net/tun", "vhost-net", "vhost-vsock"],
}
NEIGHBOUR = {
    "destination.domains.vms": [
        {
            "name": "n",
            "uuid": "u",
            "state": "VM_STATE_RUNNING",
            "otherDevices": [{"kind": "vsock", "vsockCid": 3}],
        }
    ]
}
VHOST = [
    ("there", {}, "YES"),
    ("no tun", {NODES: ["kvm"]}, "NO"),
    ("no vhost-net", {NODES: ["net/tun"]}, "YES"),
    ("no vhost-net, demanded", {NODES: ["net/tun"], "vm.nics[0].driver_name": "vhost"}, "NO"),
    (
        "no vhost-net, demanded by a guest that is emulated",
        {NODES: ["net/tun"], "vm.nics[0].driver_name": "vhost", "vm.domain_type": "qemu"},
        "YES",
    ),
    ("not collected", {"destination.kernel": None}, "NO_IDEA"),
    ("vsock", VSOCK, "YES"),
    ("vsock, no device", {**VSOCK, NODES: ["net/tun", "vhost-net"]}, "NO"),
    ("vsock in use", {**VSOCK, **NEIGHBOUR}, "NO"),
    (
        "vsock in use, automatic",
        {
            **VSOCK,
            **NEIGHBOUR,
            "vm.other_devices": [{"kind": "vsock", "vsockCid": 3, "vsockAuto": True}],
        },
        "YES",
    ),
    ("vsock, guests not known", {**VSOCK, "destination.domains": None}, "NO_IDEA"),
    (
        "vhost-user without its socket",
        {"vm.nics[0].type": "vhostuser", "vm.nics[0].socket": {"path": "/s", "exists": False}},
        "NO",
    ),
    (
        "vhost-user, QEMU makes the socket",
        {
            "vm.nics[0].type": "vhostuser",
            "vm.nics[0].socket_mode": "server",
            "vm.nics[0].socket": {"path": "/run/s", "exists": False, "existingParent": "/run"},
        },
        "YES",
    ),
]


def device(**fields):
    return {"vm.other_devices": [fields]}


TABLES = {
    "dev.chardev_paths": CHARACTER_DEVICES,
    "dev.option_rom": ROMS,
    "dev.vhost": VHOST,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_a_slower_nic_is_a_lesser_yes():
    found = finding("dev.vhost", migration({NODES: ["net/tun"]}))
    assert found.quality == Quality.QUALITY_REDUCED
