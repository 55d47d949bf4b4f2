"""A made-up host of the largest kind: what does not fit a small machine's recording."""

from vmfit.v1.cpu_pb2 import LogicalCpu
from vmfit.v1.host_pb2 import HugePages, NumaNode
from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit.v1.storage_pb2 import BlockDevice
from vmfit.v1.vm_pb2 import Disk, Nic, StorageSource, Vm, VmState

GIB = 1 << 30


def big_host(
    name: str, *, domains: int = 500, disks: int = 2000, cpus: int = 512, nodes: int = 8
) -> Snapshot:
    """Return a snapshot with that many of each; the domains' names start with the host's."""
    snapshot = Snapshot(schema_revision=1, agent_version="0.1.0")
    snapshot.taken_at.GetCurrentTime()
    snapshot.identity.hostname = name
    snapshot.identity.machine_id = name.encode().hex().ljust(32, "0")[:32]
    snapshot.identity.architecture = "x86_64"
    _add_processors(snapshot, cpus, nodes)
    for index in range(disks):
        snapshot.block_devices.devices.append(_disk(index))
    for index in range(domains):
        snapshot.domains.vms.append(_domain(name, index))
    snapshot.network.interfaces.add(name="br0", type="bridge", mtu_bytes=1500, up=True)
    snapshot.clock.synchronised = True
    for field, _ in list(snapshot.ListFields()):
        if field.message_type and field.name not in ("taken_at", "parts"):
            _add_status(snapshot, field.name)
    return snapshot


def _add_status(snapshot: Snapshot, part: str) -> None:
    snapshot.parts.append(
        PartStatus(name=part, collected_at=snapshot.taken_at, digest=part.encode().hex()[:32])
    )


def _add_processors(snapshot: Snapshot, cpus: int, nodes: int) -> None:
    snapshot.cpu.architecture = "x86_64"
    snapshot.cpu.vendor = "AuthenticAMD"
    snapshot.cpu.online_cpu_ids.extend(range(cpus))
    for cpu in range(cpus):
        snapshot.cpu.topology.cpus.append(
            LogicalCpu(cpu_id=cpu, socket_id=cpu * 2 // cpus, core_id=cpu // 2)
        )
    per_node = cpus // nodes
    for node in range(nodes):
        pages = HugePages(size_bytes=2 << 20, total_count=1024, free_count=512)
        snapshot.numa.nodes.append(
            NumaNode(
                node_id=node,
                cpu_ids=range(node * per_node, (node + 1) * per_node),
                distances=[10 if other == node else 21 for other in range(nodes)],
                total_bytes=256 * GIB,
                free_bytes=128 * GIB,
                huge_pages=[pages],
            )
        )
    snapshot.memory.total_bytes = 2048 * GIB
    snapshot.memory.available_bytes = 1024 * GIB


def _disk(index: int) -> BlockDevice:
    wwn = f"6000c29{index:025x}"
    return BlockDevice(
        name=f"sd{index}",
        type="disk",
        paths=[f"/dev/sd{index}", f"/dev/disk/by-id/wwn-0x{wwn}"],
        size_bytes=100 * GIB,
        vendor="ACME",
        model="Array",
        serial=f"LUN{index:06d}",
        wwn=wwn,
        bus="scsi",
        transport="fc",
    )


def _domain(host: str, index: int) -> Vm:
    vm = Vm(
        name=f"{host}-{index}",
        uuid=f"{host.encode().hex()[:8]:0<8}-0000-4000-8000-{index:012x}",
        domain_type="kvm",
        os_type="hvm",
        architecture="x86_64",
        machine_type="pc-q35-7.2",
        state=VmState.VM_STATE_RUNNING,
        persistent=True,
    )
    vm.vcpus.current_count = vm.vcpus.maximum_count = 4
    vm.memory.maximum_bytes = vm.memory.current_bytes = 8 * GIB
    vm.cpu.mode, vm.cpu.model, vm.cpu.expanded = "custom", "EPYC", True
    vm.cpu.expanded_features.extend(f"feature-{number}" for number in range(80))
    vm.disks.append(
        Disk(
            target="vda",
            bus="virtio",
            device="disk",
            cache="none",
            source=StorageSource(type="block", format="raw"),
        )
    )
    vm.disks[0].source.path.path = f"/dev/disk/by-id/wwn-0x6000c29{index:025x}"
    vm.nics.append(Nic(mac=f"52:54:00:00:{index >> 8:02x}:{index & 255:02x}", type="bridge"))
    vm.nics[0].bridge = "br0"
    vm.jobs.SetInParent()
    return vm
