"""Firmware, what a guest boots directly, and TPMs."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases

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
    ("external, its socket not told", {"vm.tpms": [{"backend": "external"}]}, "NO_IDEA"),
]
ENABLED = "vm.hypervisor_features.enabled"
HAS_SMM = "destination.cpu.kvm.smm"
SMM = [
    ("no such mode", {}, "YES"),
    ("KVM has it", {ENABLED: ["acpi", "smm"], HAS_SMM: True}, "YES"),
    ("KVM has it not", {ENABLED: ["acpi", "smm"], HAS_SMM: False}, "NO"),
    ("KVM was not asked", {ENABLED: ["acpi", "smm"]}, "PROBABLY_YES"),
    ("emulated", {ENABLED: ["smm"], HAS_SMM: False, "vm.domain_type": "qemu"}, "YES"),
    ("on Arm", {ENABLED: ["smm"], "vm.architecture": "aarch64"}, "YES"),
]

TABLES = {
    "fw.smm": SMM,
    "fw.firmware": FIRMWARE,
    "fw.nvram": VARIABLES,
    "fw.boot_files": BOOT,
    "tpm.state": TPMS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


@pytest.mark.parametrize(
    ("fact", "changes", "kind"),
    [
        ("tpm.state", {**EMULATED, SWTPM: None}, "upgrade_software"),
        ("fw.nvram", {**NVRAM, f"{TEMPLATE}.exists": False}, "provide_storage"),
    ],
)
def test_remedies_of_firmware(fact, changes, kind):
    assert remedy_kinds(finding(fact, migration(changes))) == [kind]
