"""Fields of the contract that no fact looks at are few, and each has a reason to be kept.

A field that a fact begins to read leaves the list; a new one is read by something, or is listed.
"""

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.comparator.builders import migration
from tests.comparator.noted import looks_of
from tests.comparator.rows import ROWS
from tests.comparator.tables import case_of
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.facts import BUILT_IN

_ROOTS = {
    "source": Snapshot,
    "destination": Snapshot,
    "vm": Vm,
    "incoming": Vm,
    "options": MigrationOptions,
}

KEPT = {
    "whose a promise of memory is, and until when: for those who made it": """
        Lease.owner Lease.generation Lease.ends_since_boot Lease.arrived
    """,
    "of schema revision 1: where it comes in, it is given the form of revision 2": """
        HypervisorConnection.host_uuid HypervisorConnection.hostname
    """,
    "how and when a snapshot came about: freshness, stores and files read it": """
        PartStatus.age PartStatus.collected_at PartStatus.digest PartStatus.duration
        PartStatus.unchanged Snapshot.agent_version Snapshot.identifier_key Snapshot.recorded_at
        Snapshot.schema_revision Snapshot.oldest_reader_revision Snapshot.taken_at
    """,
    "what operators look at in a difference: the machine and its system by name": """
        Identity.architecture Identity.bios_version Identity.machine_id Identity.os_pretty_name
        Identity.os_version_id Identity.product_name Identity.system_vendor Kernel.version
        Kernel.command_line UsbDevice.manufacturer UsbDevice.product UsbDevice.serial
        BlockDevice.filesystem_label SecurityModel.doi
    """,
    "policies and facts of users choose hosts by it": """
        Memory.total_bytes Memory.free_bytes Memory.transparent_huge_pages Memory.ksm Ksm.running
        Ksm.shared_bytes Ksm.sharing_bytes Memory.overcommit_ratio_percent NumaNode.total_bytes
        NumaNode.distances Pressure.full_percent_10_seconds Pressure.full_percent_60_seconds
        Pressure.full_percent_300_seconds Pressure.some_percent_10_seconds
        Pressure.some_percent_300_seconds Cpu.topology Topology.core_count Topology.cpus
        Topology.die_count Topology.socket_count Topology.thread_count LogicalCpu.cluster_id
        LogicalCpu.core_id LogicalCpu.cpu_id LogicalCpu.die_id LogicalCpu.sibling_cpu_ids
        LogicalCpu.socket_id Cpu.smt_control Cpu.isolated_cpu_ids Mount.size_bytes
        BlockDevice.rotational BlockDevice.removable Clock.clock_source Clock.uptime_seconds
        PciDevice.numa_node GuestArch.word_size_bits
        Cpu.virtual_address_bits StoragePool.capacity_bytes
    """,
    "the cause in words where another field decides": """
        Clock.daemon Clock.estimated_error_seconds Clock.maximum_error_seconds Clock.offset_seconds
        Cpu.kernel_flags Xsave.maximum_size_bytes Xsave.supervisor_mask CoreKind.core_type
        CoreKind.first_cpu_id HostCpuModel.physical_address_bits HostCpuModel.tsc_frequency_hz
        HostCpuModel.tsc_scaling CpuModelUsability.deprecated CpuModelUsability.vendor
        CpuMode.migratable FirmwareCapabilities.loader_types FirmwareCapabilities.secure
        Firmware.secure DomainCapabilities.features NamedSupport.name NamedSupport.supported
        DomainCapabilities.iothreads Apparmor.enabled Apparmor.profiles Security.apparmor
        Selinux.policy_type Kernel.modules KernelModule.builtin KernelModule.name
        KernelModule.parameters
    """,
    "how a device or its like is built up on the host: the agent resolves paths by it": """
        BlockDevice.device_number BlockDevice.filesystem_type BlockDevice.holders
        BlockDevice.id_path BlockDevice.loop_backing_file BlockDevice.parent
        BlockDevice.partition_table_uuid BlockDevice.physical_sector_bytes BlockDevice.size_bytes
        BlockDevice.type DeviceMapper.logical_volume DeviceMapper.name DeviceMapper.uuid
        IscsiLun.lun IscsiLun.target_name IscsiNode.auth_method IscsiNode.credentials_set
        IscsiNode.interface IscsiNode.startup IscsiSession.initiator_name IscsiSession.luns
        IscsiSessionLun.device IscsiSessionLun.lun StoragePool.autostart StoragePool.persistent
        StoragePool.source_hosts StoragePool.source_initiator_name StoragePool.source_name
        StoragePool.source_path StoragePool.type StoragePool.uuid StorageVolume.allocation_bytes
        StorageVolume.backing_path StorageVolume.capacity_bytes StorageVolume.format
        NetworkFilter.uuid VirtualNetwork.autostart VirtualNetwork.default_port_group
        VirtualNetwork.mtu_bytes VirtualNetwork.persistent VirtualNetwork.uuid Secret.ephemeral
        Secret.usage_type NetworkInterface.bond Bond.active_slave Bond.mode Bond.slaves
        Bridge.stp NetworkInterface.driver NetworkInterface.operational_state
        NetworkInterface.pci_address OvsBridge.ports Route.gateway UsbDevice.port_path
        PciDevice.class_code PciDevice.iommu_group PciDevice.physical_function
        PciDevice.subsystem_device_id PciDevice.subsystem_vendor_id
    """,
    "of a device that stays behind: the device itself is the answer": """
        HostDevice.driver HostDevice.managed HostDevice.mdev_model PciDevice.mdev_types
        MdevType.available_count MdevType.device_api MdevType.name MdevType.type_id
        NetworkInterface.sriov SriovFunction.enabled_count SriovFunction.function_addresses
        SriovFunction.total_count StorageSource.nvme_namespace StorageSource.pci_address
    """,
    "libvirt carries it in the definition, and nothing of the destination speaks against it": """
        Disk.alias Disk.mirror Filesystem.access_mode Graphics.socket GraphicsListen.socket
        GuestMemory.access GuestNumaCell.access GuestNumaCell.vcpu_ids HypervisorFeatures.kvm
        LaunchSecurity.policy MemoryDevice.base_address MemoryDevice.guest_node_id
        MemoryDevice.page_size_bytes NetworkHost.transport Nic.interface_id Nic.link_state
        Nic.queue_count Timer.mode Timer.present Timer.tick_policy Tpm.encryption_secret_uuid
        Tpm.persistent_state Vm.persistent
    """,
    "an option that changes what happens after the copy": """
        MigrationOptions.change_protection MigrationOptions.graphics_uri
        MigrationOptions.undefine_source
    """,
    "not judged yet": """
        Bridge.vlan_filtering KernelLimits.max_map_count KernelLimits.nofile_hard_count
        KernelLimits.pid_max KernelLimits.threads_max_count Security.fips_enabled
        Vm.checkpoint_count
    """,
}


def _fields(
    descriptor: Descriptor, found: dict[str, FieldDescriptor]
) -> dict[str, FieldDescriptor]:
    """Return every field below a message of the contract, by "Message.field"."""
    for field in descriptor.fields:
        name = f"{descriptor.name}.{field.name}"
        inner = field.message_type
        if name in found:
            continue
        found[name] = field
        if inner and inner.file.package == "vmfit.v1" and not inner.GetOptions().map_entry:
            _fields(inner, found)
    return found


def _looked_at() -> set[str]:
    paths: set[str] = set()
    for name, fact in BUILT_IN.items():
        # They ask other facts.
        if fact.way_back:
            continue
        for case in (migration(), *map(case_of, ROWS[name])):
            looks, _ = looks_of(fact, case)
            paths |= looks.values | looks.presence
    return {field for path in paths for field in _on_the_way(path)}


def _on_the_way(path: str) -> list[str]:
    root, *names = path.split(".")
    message = _ROOTS.get(root)
    descriptor = message.DESCRIPTOR if message else None
    found = []
    for name in names:
        if descriptor is None:
            break
        found.append(f"{descriptor.name}.{name}")
        descriptor = descriptor.fields_by_name[name].message_type
    return found


def test_what_no_fact_looks_at_has_a_reason():
    fields: dict[str, FieldDescriptor] = {}
    for message in set(_ROOTS.values()):
        _fields(message.DESCRIPTOR, fields)
    listed = [name for names in KEPT.values() for name in names.split()]
    assert len(listed) == len(set(listed)), "listed twice"
    unread = set(fields) - _looked_at()
    assert not unread - set(listed), "let a fact read it, or say why it is kept"
    assert not set(listed) - unread, "a fact reads it: it needs no reason"
