"""Passed-through devices, shares, host paths behind devices, firmware and TPMs."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality
from vmfit_comparator.facts import (
    dev,
    dev_blockers,
    dev_character_devices,
    dev_paths,
    dev_roms,
    fw,
    tpm,
)

NEW_QEMU = {"hosts.hypervisor.connections[0].hypervisor_version": 8_002_000}
NEW = {**NEW_QEMU, "hosts.hypervisor.connections[0].libvirt_version": 10_010_000}


def hostdev(**fields):
    return {"vm.host_devices": [{"mode": "subsystem", **fields}]}


PCI = hostdev(type="pci", pciAddress="0000:3b:00.1")
VF = {"address": "0000:3b:00.1", "vendorId": "15b3", "deviceId": "101e"}
USB = hostdev(type="usb", vendorId="046d", productId="c52b")
OPTIONAL = hostdev(type="usb", vendorId="046d", productId="c52b", startupPolicy="optional")
STICK = {"vendorId": "046d", "productId": "c52b", "busNumber": 1, "deviceNumber": 4}
VARIANT = {**PCI, **NEW_QEMU, "hosts.pci.devices": [{**VF, "driver": "mlx5_vfio_pci"}]}
HOSTDEVS = [
    ("none", {}, "YES"),
    ("PCI", {**PCI, "hosts.pci.devices": [VF]}, "NO"),
    ("PCI, plain driver", {**VARIANT, "source.pci.devices": [{**VF, "driver": "vfio-pci"}]}, "NO"),
    ("PCI that migrates", VARIANT, "PROBABLY_YES"),
    ("PCI that migrates, missing there", {**VARIANT, "destination.pci.devices": []}, "NO"),
    ("PCI, not collected", {**PCI, "destination.pci": None}, "NO_IDEA"),
    (
        "teamed",
        {
            **hostdev(type="pci", pciAddress="0000:3b:00.1", teaming="transient"),
            "destination.pci.devices": [VF],
        },
        "PROBABLY_YES",
    ),
    (
        "teamed, missing there",
        hostdev(type="pci", pciAddress="0000:3b:00.1", teaming="transient"),
        "NO",
    ),
    (
        "a teamed NIC",
        {
            "vm.nics[0].pci_address": "0000:3b:00.1",
            "vm.nics[0].teaming": "transient",
            "destination.pci.devices": [VF],
        },
        "PROBABLY_YES",
    ),
    ("USB", {**USB, "destination.usb.devices": [STICK]}, "PROBABLY_YES"),
    ("USB, missing", USB, "NO"),
    (
        "USB by place",
        {
            **hostdev(type="usb", usbBusNumber=1, usbDeviceNumber=4),
            "destination.usb.devices": [STICK],
        },
        "PROBABLY_YES",
    ),
    (
        "USB, optional",
        {**OPTIONAL, "destination.usb.devices": [{"vendorId": "1d6b", "productId": "0002"}]},
        "PROBABLY_YES",
    ),
    ("USB, optional, no bus to look at", {**OPTIONAL, "destination.usb.devices": []}, "NO"),
    ("USB, not collected", {**USB, "destination.usb": None}, "NO_IDEA"),
    ("mediated, old QEMU", hostdev(type="mdev", mdevUuid="m"), "NO"),
    ("mediated, new QEMU", {**hostdev(type="mdev", mdevUuid="m"), **NEW_QEMU}, "PROBABLY_NO"),
    ("SCSI host", hostdev(type="scsi_host"), "NO"),
    ("a LUN by iSCSI", hostdev(type="scsi", scsiAdapter="iqn.x:t/1"), "PROBABLY_YES"),
    ("a LUN of an adapter", hostdev(type="scsi", scsiAdapter="scsi_host0"), "NO_IDEA"),
    ("capabilities", {"vm.host_devices": [{"mode": "capabilities", "type": "misc"}]}, "NO"),
]


def share(driver, **source):
    return {
        "vm.filesystems": [
            {
                "target": "t",
                "type": "mount",
                "driver": driver,
                "source": {"path": "/srv/d", **source},
            }
        ]
    }


VIRTIOFS = share("virtiofs", exists=True)
SHARES = [
    ("none", {}, "YES"),
    ("9p", share("path"), "YES"),
    ("QEMU 7.2", VIRTIOFS, "NO"),
    ("libvirt 9.0", {**VIRTIOFS, **NEW_QEMU}, "PROBABLY_NO"),
    ("virtiofsd not known", {**VIRTIOFS, **NEW}, "NO_IDEA"),
    ("new", {**VIRTIOFS, **NEW, "hosts.hypervisor.virtiofsd_version": "1.13.2"}, "PROBABLY_YES"),
    (
        "virtiofsd 1.8",
        {**VIRTIOFS, **NEW, "hosts.hypervisor.virtiofsd_version": "1.8.0"},
        "PROBABLY_NO",
    ),
    ("not collected", {**VIRTIOFS, "source.hypervisor": None}, "NO_IDEA"),
]


def readable(**answer):
    path = share("path")["vm.filesystems"][0]["source"]["path"]
    return {"probes.accesses": [{"path": path, "answer": answer}]}


DIRECTORIES = [
    ("MTP", share("mtp", exists=True), "NO"),
    ("none", {}, "YES"),
    ("virtiofs", VIRTIOFS, "YES"),
    ("9p", share("path", exists=True), "PROBABLY_YES"),
    ("missing", share("path", exists=False), "NO"),
    (
        "QEMU's user may read it",
        {**share("path", exists=True, kind="directory"), **readable(allowed=True)},
        "PROBABLY_YES",
    ),
    (
        "QEMU's user may not read it",
        {**share("path", exists=True, kind="directory"), **readable(allowed=False)},
        "NO",
    ),
    ("a file", share("path", exists=True, kind="file"), "NO"),
    ("nobody looked", share("path"), "NO_IDEA"),
    ("without a directory", {"vm.filesystems": [{"target": "t", "type": "ram"}]}, "YES"),
]


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

LOADER = "vm.firmware.loader"
OVMF = {
    LOADER: {
        "path": "/usr/share/OVMF/OVMF_CODE.fd",
        "exists": True,
        "sizeBytes": 4096,
        "sha256": "aa",
    }
}
THERE = "incoming.firmware.loader"
CAPABILITIES = "destination.hypervisor.connections[0].domain_capabilities[0]"
FIRMWARE = [
    ("none", {}, "YES"),
    ("same", OVMF, "YES"),
    ("missing", {**OVMF, f"{THERE}.exists": False}, "NO"),
    ("another build", {**OVMF, f"{THERE}.sha256": "bb"}, "PROBABLY_YES"),
    ("another size", {**OVMF, f"{THERE}.sha256": "bb", f"{THERE}.size_bytes": 8192}, "NO"),
    ("no hash", {**OVMF, f"{THERE}.sha256": None}, "PROBABLY_YES"),
    ("nobody looked", {**OVMF, f"{THERE}.exists": None}, "NO_IDEA"),
    (
        "nobody looked, libvirt lists it",
        {
            **OVMF,
            f"{THERE}.exists": None,
            f"{CAPABILITIES}.firmware.loader_paths": ["/usr/share/OVMF/OVMF_CODE.fd"],
        },
        "YES",
    ),
    ("chosen by libvirt", {"vm.firmware.auto_type": "efi"}, "PROBABLY_YES"),
    (
        "none to choose",
        {"vm.firmware.auto_type": "efi", f"{CAPABILITIES}.firmware.auto_types": ["bios"]},
        "NO",
    ),
    (
        "choice not known",
        {"vm.firmware.auto_type": "efi", "destination.hypervisor.connections": []},
        "NO_IDEA",
    ),
]
NVRAM = {
    "vm.firmware.nvram": {
        "path": "/var/lib/libvirt/qemu/nvram/g.fd",
        "exists": True,
        "sizeBytes": 4096,
    },
    "incoming.firmware.nvram.exists": False,
    "vm.firmware.nvram_template": {"path": "/usr/share/OVMF/OVMF_VARS.fd", "exists": True},
}
TEMPLATE = "incoming.firmware.nvram_template"
VARIABLES = [
    ("none", {}, "YES"),
    (
        "on a read-only mount",
        {
            **NVRAM,
            "incoming.firmware.nvram.filesystem": {"mountPoint": "/var", "readOnly": True},
        },
        "NO",
    ),
    (
        "a directory",
        {
            **NVRAM,
            "incoming.firmware.nvram.exists": True,
            "incoming.firmware.nvram.kind": "directory",
        },
        "NO",
    ),
    ("from the template", NVRAM, "YES"),
    ("no template", {**NVRAM, f"{TEMPLATE}.exists": False}, "NO"),
    (
        "no template, file there",
        {**NVRAM, f"{TEMPLATE}.exists": False, "incoming.firmware.nvram.exists": True},
        "YES",
    ),
    ("template of another size", {**NVRAM, f"{TEMPLATE}.size_bytes": 8192}, "NO"),
    ("template not looked for", {**NVRAM, f"{TEMPLATE}.exists": None}, "NO_IDEA"),
    ("no template named", {**NVRAM, "vm.firmware.nvram_template": None}, "PROBABLY_YES"),
    (
        "a directory of one's own, missing",
        {
            **NVRAM,
            "incoming.firmware.nvram.path": "/srv/nv/g.fd",
            "incoming.firmware.nvram.existing_parent": "/srv",
        },
        "NO",
    ),
]
KERNEL = {"vm.kernel": {"path": "/boot/vmlinuz", "exists": True}}
ARGUMENT = {"vm.qemu_argument_files": [{"path": "/srv/a", "exists": True}]}
FW_CFG = {"vm.system_information.files": [{"path": "/srv/ignition.json", "exists": True}]}
BOOT = [
    ("none", {}, "YES"),
    ("there", KERNEL, "YES"),
    ("missing", {**KERNEL, "incoming.kernel.exists": False}, "NO"),
    ("nobody looked", {**KERNEL, "incoming.kernel.exists": None}, "NO_IDEA"),
    (
        "another initrd",
        {
            "vm.initrd": {"path": "/boot/initrd", "exists": True, "sha256": "a"},
            "incoming.initrd.sha256": "b",
        },
        "PROBABLY_YES",
    ),
    ("a file for the guest", FW_CFG, "YES"),
    ("a file of the command line", ARGUMENT, "YES"),
    ("that is missing", {**ARGUMENT, "incoming.qemu_argument_files[0].exists": False}, "NO"),
    ("which is missing", {**FW_CFG, "incoming.system_information.files[0].exists": False}, "NO"),
]

EMULATED = {"vm.tpms": [{"model": "tpm-crb", "backend": "emulator", "version": "2.0"}]}
SWTPM = "destination.hypervisor.swtpm_version"
OFFER = {
    "name": "tpm",
    "supported": True,
    "enums": [
        {"name": "backendModel", "values": ["passthrough", "emulator"]},
        {"name": "backendVersion", "values": ["2.0"]},
    ],
}
SHARED_STATE = {
    "vm.tpms": [
        {
            "backend": "emulator",
            "stateDirectory": {
                "path": "/srv/shared/t",
                "filesystem": {"type": "nfs4", "shared": True},
            },
        }
    ]
}
EXTERNAL = {"vm.tpms": [{"backend": "external", "device": {"path": "/run/t", "exists": True}}]}
TPMS = [
    ("external", EXTERNAL, "NO_IDEA"),
    ("external, missing", {**EXTERNAL, "incoming.tpms[0].device.exists": False}, "NO"),
    (
        "state on a read-only mount",
        {
            "vm.tpms": [
                {
                    **EMULATED["vm.tpms"][0],
                    "stateDirectory": {
                        "path": "/var/t",
                        "filesystem": {"mountPoint": "/var", "readOnly": True},
                    },
                }
            ]
        },
        "NO",
    ),
    ("none", {}, "YES"),
    ("same version", EMULATED, "YES"),
    ("newer", {**EMULATED, SWTPM: "0.8.2"}, "PROBABLY_YES"),
    ("older", {**EMULATED, SWTPM: "0.6.0"}, "PROBABLY_NO"),
    ("missing", {**EMULATED, SWTPM: None}, "NO"),
    (
        "libvirt offers it, version not known",
        {**EMULATED, SWTPM: None, f"{CAPABILITIES}.device_classes": [OFFER]},
        "PROBABLY_YES",
    ),
    (
        "libvirt offers none though the file is there",
        {
            **EMULATED,
            f"{CAPABILITIES}.device_classes": [
                {**OFFER, "enums": [{"name": "backendModel", "values": ["passthrough"]}]}
            ],
        },
        "NO",
    ),
    (
        "libvirt offers another version",
        {
            **EMULATED,
            f"{CAPABILITIES}.device_classes": [OFFER],
            "vm.tpms": [{"backend": "emulator", "version": "1.2"}],
        },
        "NO",
    ),
    ("shared state, old swtpm", SHARED_STATE, "NO"),
    (
        "shared state, swtpm of an unknown version",
        {
            **SHARED_STATE,
            "source.hypervisor.swtpm_version": "0.8.0",
            SWTPM: "",
        },
        "NO_IDEA",
    ),
    (
        "shared state, old libvirt here",
        {
            **SHARED_STATE,
            "hosts.hypervisor.swtpm_version": "0.8.0",
            "source.hypervisor.connections[0].libvirt_version": 8_000_000,
        },
        "NO",
    ),
    ("shared state, new swtpm", {**SHARED_STATE, "hosts.hypervisor.swtpm_version": "0.8.0"}, "YES"),
    ("passed through", {"vm.tpms": [{"backend": "passthrough"}]}, "NO"),
    ("external", {"vm.tpms": [{"backend": "external"}]}, "NO_IDEA"),
]


def device(**fields):
    return {"vm.other_devices": [fields]}


BLOCKERS = [
    ("none", {}, "YES"),
    ("transient disk", {"vm.disks[0].transient": True}, "NO"),
    ("NVMe", {"vm.disks[0].bus": "nvme"}, "NO"),
    ("VMDK", {"vm.disks[0].source.format": "vmdk"}, "NO"),
    ("over VDI", {"vm.disks[0].backing_chain": [{"type": "file", "format": "vdi"}]}, "NO"),
    ("over raw", {"vm.disks[0].backing_chain": [{"type": "file", "format": "raw"}]}, "YES"),
    ("vDPA", {"vm.nics[0].type": "vdpa"}, "PROBABLY_NO"),
    ("shared memory", device(kind="shmem"), "NO"),
    ("shared memory of a peer", device(kind="shmem", role="peer"), "NO"),
    ("shared memory of the master", device(kind="shmem", role="master"), "YES"),
    ("shared memory, old", device(kind="shmem", model="ivshmem", role="master"), "NO"),
    ("3D acceleration", device(kind="video", model="virtio", accelerated3d=True), "NO"),
    ("no acceleration", device(kind="video", model="virtio", accelerated3d=False), "YES"),
    (
        "a display in a process of its own",
        device(kind="video", model="virtio", driverName="vhostuser"),
        "PROBABLY_NO",
    ),
    ("crypto", device(kind="crypto", model="virtio"), "NO"),
    ("passed-through input", device(kind="input", type="passthrough"), "NO"),
    ("input by evdev", device(kind="input", type="evdev"), "YES"),
    ("virtio sound", {"vm.other_devices": [{"kind": "sound", "model": "virtio"}]}, "NO"),
    ("another sound", {"vm.other_devices": [{"kind": "sound", "model": "ich9"}]}, "YES"),
    ("persistent memory", {"vm.memory.devices": [{"model": "virtio-pmem"}]}, "NO"),
    ("offline", {"vm.disks[0].transient": True, "options.offline": True}, "YES"),
]

TABLES = {
    dev_blockers.blockers: BLOCKERS,
    dev.hostdev: HOSTDEVS,
    dev.virtiofs: SHARES,
    dev.filesystem: DIRECTORIES,
    dev_character_devices.chardev_paths: CHARACTER_DEVICES,
    dev_roms.option_rom: ROMS,
    dev_paths.vhost: VHOST,
    fw.firmware: FIRMWARE,
    fw.nvram: VARIABLES,
    fw.boot_files: BOOT,
    tpm.state: TPMS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_a_slower_nic_is_a_lesser_yes():
    found = finding(dev_paths.vhost, migration({NODES: ["net/tun"]}))
    assert found.quality == Quality.QUALITY_REDUCED


@pytest.mark.parametrize(
    ("fact", "changes", "kind"),
    [
        (dev.hostdev, USB, "detach_device"),
        (dev.filesystem, share("path", exists=False), "provide_storage"),
        (tpm.state, {**EMULATED, SWTPM: None}, "upgrade_software"),
        (fw.nvram, {**NVRAM, f"{TEMPLATE}.exists": False}, "provide_storage"),
    ],
)
def test_remedies(fact, changes, kind):
    assert remedy_kinds(finding(fact, migration(changes))) == [kind]
