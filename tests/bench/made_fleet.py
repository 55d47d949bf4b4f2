"""Made-up fleets: thousands of hosts of some kinds, with the differences that hosts have."""

import random
from collections.abc import Iterator
from uuid import UUID

from tests.comparator.builders import source_snapshot, vm
from tests.comparator.healthy import FEATURES
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm

GIB = 1 << 30
MIB = 1 << 20
CPU_KINDS = 30
HOST_CLASSES = 400
# What newer processors have more of.
_NEWER = ("avx512f", "avx512bw", "avx512vnni", "la57", "vaes", "gfni", "sha-ni", "pku", "rdpid")
_RELEASES = ("6.1.0-18-amd64", "6.1.0-25-amd64", "5.15.0-91-generic", "6.8.0-45-generic")
_LIBVIRT = (9000000, 9007000, 10000000, 10006000)
_QEMU = (7002000, 8000003, 8002002, 9000002)


def made_fleet(count: int, seed: int = 1) -> Iterator[tuple[str, Snapshot]]:
    """Yield so many hosts of 30 kinds of CPU and 400 classes, by name; the same for one seed."""
    classes: dict[int, Snapshot] = {}
    for index in range(count):
        number = random.Random(f"{seed}:{index}").randrange(HOST_CLASSES)
        if number not in classes:
            classes[number] = _class(number)
        snapshot = Snapshot()
        snapshot.CopyFrom(classes[number])
        name = f"host{index:06d}"
        make_own(snapshot, name, index, seed)
        yield name, snapshot


def _class(number: int) -> Snapshot:
    """Return what all hosts of one class have alike."""
    chance = random.Random(number)
    kind = number % CPU_KINDS
    snapshot = source_snapshot()
    cpu = snapshot.cpu
    cpu.model, cpu.stepping = 60 + kind, kind % 4
    cpu.physical_address_bits = (39, 46, 52)[kind % 3]
    cpu.tsc.frequency_hz = 2_000_000_000 + kind * 50_000_000
    features = [*FEATURES, *_NEWER[: kind % (len(_NEWER) + 1)]]
    del features[kind : kind + (kind % 5 == 0)]
    del cpu.features[:]
    cpu.features.extend(features)
    cpu.microcode_revisions[0] = f"0x{0x2000000 + number % 60:x}"
    snapshot.kernel.release = _RELEASES[number % 4]
    (connection,) = snapshot.hypervisor.connections
    connection.libvirt_version = _LIBVIRT[number // 4 % 4]
    connection.hypervisor_version = _QEMU[number // 16 % 4]
    for capabilities in connection.domain_capabilities:
        del capabilities.host_model.features[:]
        capabilities.host_model.features.extend(features)
    if number // 16 % 4:
        arch = connection.guest_archs[0]
        arch.machine_types.add(name=f"pc-q35-{_QEMU[number // 16 % 4] // 1000000}.0")
    for vlan in chance.sample(range(100, 140), 4):
        bridge = snapshot.network.interfaces.add(name=f"br-{vlan}", type="bridge", up=True)
        bridge.mtu_bytes = chance.choice((1500, 9000))
    if number % 10 == 0:
        _without_shared(snapshot)
    return snapshot


def _without_shared(snapshot: Snapshot) -> None:
    kept = [each for each in snapshot.mounts.mounts if each.mount_point != "/srv/shared"]
    del snapshot.mounts.mounts[:]
    snapshot.mounts.mounts.extend(kept)


def make_own(snapshot: Snapshot, name: str, index: int, seed: int = 1) -> None:
    """Give a host what no other has: names, addresses, serial numbers, what is free."""
    chance = random.Random(f"{seed}:{name}")
    identity = snapshot.identity
    identity.hostname, identity.canonical_hostname = name, f"{name}.example.net"
    for field in ("boot_id", "product_uuid", "libvirt_host_uuid"):
        setattr(identity, field, str(UUID(int=chance.getrandbits(128), version=4)))
    identity.machine_id = f"{chance.getrandbits(128):032x}"
    address = f"10.{index >> 16 & 255}.{index >> 8 & 255}.{index & 255}"
    identity.hostname_addresses[:] = [address]
    bridge = next(each for each in snapshot.network.interfaces if each.name == "br0")
    bridge.addresses[:] = [f"{address}/8"]
    bridge.mac = f"02:00:00:{index >> 16 & 255:02x}:{index >> 8 & 255:02x}:{index & 255:02x}"
    for connection in snapshot.hypervisor.connections:
        connection.hostname = identity.canonical_hostname
        connection.host_uuid = identity.libvirt_host_uuid
    _add_disks(snapshot, chance)
    snapshot.mounts.mounts[0].filesystem_uuid = str(UUID(int=chance.getrandbits(128)))
    for _ in range(chance.randrange(4)):
        snapshot.network.listening_ports.add(address="::", port=5900 + chance.randrange(40))
    fill(snapshot, chance)


def _add_disks(snapshot: Snapshot, chance: random.Random) -> None:
    for letter in "ab":
        wwn = f"5000c5{chance.getrandbits(40):010x}"
        snapshot.block_devices.devices.add(
            name=f"sd{letter}",
            type="disk",
            paths=[f"/dev/disk/by-id/wwn-0x{wwn}"],
            size_bytes=960 * 10**9,
            serial=f"S{chance.getrandbits(32):08x}",
            wwn=wwn,
            bus="scsi",
        )


def fill(snapshot: Snapshot, chance: random.Random) -> None:
    """Change what changes from one moment to the next: free memory and space, guests, pressure."""
    free = chance.randrange(1 * GIB, 31 * GIB, 4096)
    snapshot.memory.available_bytes = snapshot.memory.free_bytes = free
    snapshot.memory.committed_bytes = 33 * GIB - free
    snapshot.memory.pressure.some_percent_60_seconds = chance.choice((0.0, 0.0, 0.3, 2.5))
    for node in snapshot.numa.nodes:
        node.free_bytes = free // 2
    for mount in snapshot.mounts.mounts:
        mount.available_bytes = chance.randrange(GIB, mount.size_bytes)
    del snapshot.domains.vms[:]
    for _ in range(3):
        number = chance.getrandbits(40)
        guest = snapshot.domains.vms.add(name=f"vm-{number:010x}", state="VM_STATE_RUNNING")
        guest.uuid = str(UUID(int=number, version=4))


def made_vm(number: int) -> Vm:
    """Return a guest unlike the others in name, memory, disk and bridge."""
    guest = vm()
    guest.name = f"guest-{number}"
    guest.uuid = str(UUID(int=number + 1, version=4))
    size = (1 + number % 12) * GIB
    guest.memory.maximum_bytes = guest.memory.current_bytes = size
    guest.memory.resident_bytes = size - 256 * MIB
    guest.disks[0].source.path.path = f"/srv/shared/guest-{number}.qcow2"
    guest.nics[0].bridge = f"br-{100 + number % 40}" if number % 3 else "br0"
    return guest
