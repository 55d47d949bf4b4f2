"""Every text that an agent sends says what it gives away, or is known to give away nothing."""

import importlib
import pkgutil

import pytest

import vmfit.v1
from vmfit.v1 import options_pb2
from vmfit.v1.host_metadata_service_pb2 import DescribeVmResponse, ProbeResponse
from vmfit.v1.options_pb2 import Sensitivity
from vmfit.v1.snapshot_pb2 import Snapshot

# By reason: messages with those of their texts that give away nothing.
HARMLESS = {
    "words of the kernel, of libvirt or of vmfit itself": """
        PartStatus name; Cpu architecture smt_control; CoreKind core_type
        Memory transparent_huge_pages
        BlockDevice type bus transport filesystem_type; Mount type; IscsiSession state
        IscsiNode startup auth_method; NetworkInterface type operational_state driver; Bond mode
        PciDevice driver; MdevType device_api; Kernel device_nodes; KernelModule name
        Clock daemon clock_source; Selinux policy_type; HookText operations; Sasl mechanisms
        HypervisorConnection driver migration_transports; CpuMode mode migratable
        FirmwareCapabilities auto_types loader_types secure; DeviceClass name
        DeviceEnum name values
        NamedSupport name; StoragePool type; StorageVolume format
        VirtualNetwork forward_mode virtual_port_type; Secret usage_type
        Vm domain_type os_type state_reason clock_offset; HostPath kind; PathFilesystem type
        BlockIdentity bus transport; GuestCpu mode match check migratable fallback cache_mode
        GuestCpu physical_address_mode; CpuFeature policy; GuestVcpus placement
        GuestMemory source_type access; MemoryDevice model; GuestNuma memory_mode placement
        GuestNumaCell access; GuestNodePlacement memory_mode
        Disk target bus device startup_policy cache io alias
        StorageSource type format protocol encryption_format header_format; NetworkHost transport
        Nic type direct_mode virtual_port_type link_state teaming driver_name backend_type
        Nic socket_mode; HostDevice type mode mdev_model startup_policy teaming driver
        Firmware auto_type loader_type; Tpm backend version; Filesystem type driver access_mode
        CharacterDevice kind type mode; Graphics type; GraphicsListen type
        OtherDevice kind type backend role driver_name bus; SecretUse type user
        LaunchSecurity type; Timer name mode tick_policy
        HypervisorFeatures enabled hyperv hyperv_mode kvm; SecurityLabel model type
        Jobs active; BlockJob disk type; SystemInformation smbios_mode types
        DomainCapabilities memory_backing_types; Vm definition_words
    """,
    "a model, of which there are many, and what it can do": """
        Identity system_vendor product_name bios_version architecture
        Cpu vendor model_name microcode_revisions features kernel_flags vulnerabilities
        BlockDevice vendor model; PciDevice vendor_id device_id subsystem_vendor_id
        PciDevice subsystem_device_id class_code; MdevType type_id name
        UsbDevice vendor_id product_id manufacturer product
        HostCpuModel model vendor extra_features disabled_features features
        GuestArch os_type architecture domain_types; MachineType name canonical
        DomainCapabilities domain_type machine_type architecture
        CpuModelUsability name vendor blockers; BlockIdentity vendor model
        GuestCpu model vendor expanded_features unknown_features; CpuFeature name
        Vm architecture machine_type; Nic model; HostDevice vendor_id product_id; Tpm model
        OtherDevice model
    """,
    "what tells a key from others, and nothing of it": "Snapshot identifier_key",
    "a version, and a file of a package": """
        Snapshot agent_version; Identity os_pretty_name os_id os_version_id; Kernel release version
        Hypervisor swtpm_version virtiofsd_version qemu_modules helper_programs
        GuestArch emulator_path; DomainCapabilities emulator_path; FirmwareCapabilities loader_paths
        RomFile name path; Emulator path absent_device_types; Security certificate_directories
        SecurityModel model doi base_labels
    """,
    "a place within one machine, which others have as well": """
        BlockDevice name holders slaves parent device_number; Mount device_number
        IscsiSessionLun device; NetworkInterface pci_address; SriovFunction function_addresses
        PciDevice address physical_function; UsbDevice port_path; BlockIdentity name
        StorageSource pci_address; Nic pci_address; HostDevice pci_address scsi_address
    """,
    "a digest of what is compared whole": """
        PartStatus digest; HookScript sha256; HostPath sha256 keyed_hash; BlocksAnswer hashes
    """,
    "a time zone has millions of machines": "Clock time_zone",
}
# What is asked, and what a comparator makes of the texts above.
NOT_OF_AGENTS = frozenset((
    "calibration", "case", "comparator_service", "finding", "migration", "policy",
))  # fmt: skip
SAID = (Snapshot, DescribeVmResponse, ProbeResponse)


def harmless():
    for lines in HARMLESS.values():
        for entry in lines.replace("\n", ";").split(";"):
            message, *fields = entry.split() or [""]
            yield from (f"{message}.{field}" for field in fields)


def is_text(field):
    message = field.message_type
    if message is None:
        return field.type in (field.TYPE_STRING, field.TYPE_BYTES)
    if message.GetOptions().map_entry:
        return is_text(message.fields_by_name["value"])
    return message.full_name in ("google.protobuf.Struct", "google.protobuf.Value")


def messages_below(descriptor, found):
    """Add all messages of the contract that one holds."""
    if descriptor.full_name not in found and descriptor.full_name.startswith("vmfit."):
        found[descriptor.full_name] = descriptor
        for field in descriptor.fields:
            if field.message_type is not None:
                messages_below(field.message_type, found)
    return found


def said():
    """Return the texts that agents say, by message and field; keys of maps are names of theirs."""
    found = {}
    for message in SAID:
        messages_below(message.DESCRIPTOR, found)
    return {
        f"{descriptor.name}.{field.name}": field
        for descriptor in found.values()
        if not descriptor.GetOptions().map_entry
        for field in descriptor.fields
        if is_text(field)
    }


def test_every_text_is_annotated_or_harmless():
    given = {
        name
        for name, field in said().items()
        if field.GetOptions().Extensions[options_pb2.sensitivity]
    }
    listed = list(harmless())
    assert sorted(set(said()) - given - set(listed)) == []
    assert sorted(given & set(listed)) == []
    assert sorted(set(listed) - set(said())) == []
    assert len(listed) == len(set(listed))


def test_only_texts_are_annotated():
    wrong = []
    for module in pkgutil.iter_modules(vmfit.v1.__path__):
        if not module.name.endswith("_pb2"):
            continue
        descriptors = importlib.import_module(f"vmfit.v1.{module.name}").DESCRIPTOR
        for message in descriptors.message_types_by_name.values():
            wrong += [
                f"{message.name}.{field.name}"
                for field in message.fields
                if field.GetOptions().Extensions[options_pb2.sensitivity] and not is_text(field)
            ]
    assert wrong == []


def test_the_other_files_hold_nothing_that_an_agent_says():
    files = {descriptor.file.name for root in SAID for descriptor in messages_below(
        root.DESCRIPTOR, {}).values()}  # fmt: skip
    assert not [
        name for name in files if name.split("/")[-1].removesuffix(".proto") in NOT_OF_AGENTS
    ]


@pytest.mark.parametrize(
    ("field", "sensitivity"),
    [
        ("BlockDevice.wwn", Sensitivity.SENSITIVITY_IDENTIFIES),
        ("Identity.hostname", Sensitivity.SENSITIVITY_NAMES),
        ("BlockDevice.paths", Sensitivity.SENSITIVITY_MENTIONS),
        ("Attributes.values", Sensitivity.SENSITIVITY_SECRET),
        ("Security.qemu_conf", Sensitivity.SENSITIVITY_SECRET),
    ],
)
def test_some_of_each(field, sensitivity):
    assert said()[field].GetOptions().Extensions[options_pb2.sensitivity] == sensitivity
