"""Facts about host files, sockets and device nodes behind the guest's devices."""

import posixpath

from vmfit.v1.finding_pb2 import Quality, Remedy
from vmfit.v1.network_pb2 import Network
from vmfit.v1.vm_pb2 import CharacterDevice, HostPath, Nic
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import Outcome, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.evaluation.remedies import (
    change_definition,
    load_module,
    make_directory,
    provide_storage,
)
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.active import is_active
from vmfit_comparator.knowledge.disks import joined
from vmfit_comparator.knowledge.host_addresses import has_address, is_in_use

# Every Linux has these.
_ALWAYS_THERE = ("/dev/random", "/dev/urandom", "/dev/null", "/dev/zero")
_TAP_TYPES = ("bridge", "network", "ethernet")


def existing(path: HostPath, field: str) -> Outcome:
    """Judge a path that must exist on the destination."""
    if not path.HasField("exists"):
        if path.path in _ALWAYS_THERE:
            return yes(f"{path.path} is there on every Linux")
        return no_idea(
            f"whether {path.path} exists on the destination is not known"
            + (f": {path.error}" if path.error else ""),
            missing=[f"{field}.exists"],
        )
    if not path.exists:
        summary = f"Provide {path.path} on the destination"
        return no(
            f"{path.path} does not exist on the destination",
            remedies=[provide_storage(summary, path.path)],
        )
    return yes(f"{path.path} is there")


def creatable(path: HostPath, field: str) -> Outcome:
    """Judge a path that is made on the destination if its directory is there."""
    directory = posixpath.dirname(path.path)
    if path.kind == "directory":
        return no(f"{path.path} is a directory on the destination")
    if path.filesystem.read_only:
        return no(f"{path.filesystem.mount_point} is mounted read-only on the destination")
    if path.exists or path.existing_parent == directory:
        return yes(f"{directory} is there")
    if not path.HasField("exists"):
        return no_idea(
            f"whether {directory} exists on the destination is not known",
            missing=[f"{field}.exists"],
        )
    if not path.existing_parent:
        return probably_yes(f"{path.path} is not there yet; its directory was not looked at")
    return no(
        f"the directory {directory} does not exist on the destination",
        remedies=[make_directory(directory)],
    )


@fact(
    "dev.chardev_paths",
    question="Can the destination open what is behind serial ports, channels and other devices?",
    applies_if=("incoming.character_devices", "incoming.other_devices.path"),
    reads=("incoming.character_devices", "incoming.other_devices"),
    also_reads=(
        "destination.network.interfaces",
        "destination.network.listening_ports",
        "destination.network.udp_ports",
    ),
)
@unless_offline
def chardev_paths(migration: Migration) -> Outcome:
    """Look up files, sockets, pipes and devices behind character devices, RNGs and the like.

    A file, a listening socket and a log need their directory, writable; a device, a pipe (PATH, or
    PATH.in and PATH.out), and a socket to connect to must exist: else NO. A listening address that
    the destination lacks, a port in use there, and a client of a port of the destination's own
    where nothing listens are NO; a UDP port in use is PROBABLY_NO, for two programs that both want
    to may share it. Clients of other hosts are not tried (PROBABLY_YES). Paths that libvirt chooses
    are fine.

    Source: stat(2) on the destination; libvirt's formatdomain, consoles; QEMU's inet_dgram_saddr.
    """
    outcomes: dict[str, Outcome] = {}
    for number, device in enumerate(migration.incoming.character_devices):
        name = f"{device.kind} {device.target_name or number}"
        for suffix, outcome in _character_device(device, migration):
            outcomes[name + suffix] = outcome
    for other in migration.incoming.other_devices:
        if other.path.path:
            field = "incoming.other_devices.path"
            outcomes[f"{other.kind} {other.path.path}"] = existing(other.path, field)
    return joined(outcomes, "does not apply: nothing of the host is behind these devices")


def _character_device(device: CharacterDevice, migration: Migration) -> list[tuple[str, Outcome]]:
    field = "incoming.character_devices.path"
    found = []
    if device.log.path:
        found.append((" log", creatable(device.log, "incoming.character_devices.log")))
    if device.type in ("tcp", "udp"):
        found.append(("", _listener(device, migration)))
    elif device.path.path and not device.automatic_path:
        if device.type == "file" or (device.type == "unix" and device.mode != "connect"):
            found.append(("", creatable(device.path, field)))
        elif device.type == "pipe":
            found.append(("", _pipe(device)))
        elif device.type in ("dev", "unix"):
            found.append(("", existing(device.path, field)))
    return found


def _pipe(device: CharacterDevice) -> Outcome:
    if device.pipe_ends and all(end.exists for end in device.pipe_ends):
        return yes(f"{' and '.join(end.path for end in device.pipe_ends)} are there")
    return existing(device.path, "incoming.character_devices.path")


def _client(device: CharacterDevice, place: str, network: Network) -> Outcome:
    if device.reconnects:
        return yes(f"it tries {place} until that answers")
    local = has_address(device.host, network)
    if device.type == "udp" or not local or not network.listening_ports:
        return probably_yes(f"it connects to {place}, which was not tried from there")
    if is_in_use(device.host, device.port, network.listening_ports):
        return yes(f"something listens at {place} on the destination")
    remedies = [
        Remedy(summary=f"Start the server at {place} on the destination"),
        change_definition("Let QEMU try again until it answers (--xml)", "source/reconnect", "1"),
    ]
    return no(
        f"it connects to {place}, where nothing listens on the destination", remedies=remedies
    )


def _listener(device: CharacterDevice, migration: Migration) -> Outcome:
    place = f"{device.host}:{device.port}"
    if device.mode != "bind":
        return _client(device, place, migration.destination.network)
    if not migration.destination.HasField("network"):
        return no_idea("the destination's network is not known", missing=["destination.network"])
    network = migration.destination.network
    if has_address(device.host, network) is False:
        return no(
            f"{device.host}, where it listens, is no address of the destination",
            remedies=[_listen_elsewhere(device, "host")],
        )
    remedies = [_listen_elsewhere(device, "service")]
    text = (
        f"{device.type.upper()} port {device.port}, where it listens, is in use on the destination"
    )
    if device.type == "tcp" and is_in_use(device.host, device.port, network.listening_ports):
        return no(text, remedies=remedies)
    if device.type == "udp" and is_in_use(device.host, device.port, network.udp_ports):
        # QEMU sets SO_REUSEADDR, which helps where the other program has set it too.
        return probably_no(f"{text}, and not known to be shared", remedies=remedies)
    return yes(f"it can listen at {place}")


def _listen_elsewhere(device: CharacterDevice, what: str) -> Remedy:
    summary = f"Give the {device.kind} another address to listen at (--xml)"
    return change_definition(summary, f"{device.kind}/source/@{what}", "")


@fact(
    "dev.vhost",
    question="Does the destination have the kernel's tap, vhost and vsock devices for the guest?",
    applies_if=("incoming.nics", "incoming.other_devices"),
    reads=("incoming.nics", "incoming.other_devices"),
    also_reads=(
        "vm.domain_type",
        "source.kernel.device_nodes",
        "destination.kernel.device_nodes",
        "destination.domains.vms",
    ),
)
@unless_offline
def vhost(migration: Migration) -> Outcome:
    """Look up /dev/net/tun, vhost-net, vhost-vsock and vhost-user sockets on the destination.

    No tun for a tap NIC, no vhost-net for a NIC of a KVM guest that demands it, no vhost-vsock or a
    vsock address in use for a vsock, no socket for vhost-user: NO. Without vhost-net libvirt falls
    back to QEMU: YES, REDUCED, where the source has it.

    Source: /dev; libvirt's formatdomain, driver name and vsock; qemuInterfaceOpenVhostNet.
    """
    outcomes = {
        nic.mac: each
        for nic in migration.incoming.nics
        if (each := _nic(nic, migration)) is not None
    }
    for device in migration.incoming.other_devices:
        if device.kind == "vsock":
            outcomes["vsock"] = _vsock(device.vsock_cid, migration, automatic=device.vsock_auto)
    return joined(outcomes, "does not apply: no device needs one")


def _nic(nic: Nic, migration: Migration) -> Outcome | None:
    if nic.type in ("vhostuser", "vdpa"):
        return existing(nic.socket, "incoming.nics.socket") if nic.socket.path else None
    if nic.type not in _TAP_TYPES:
        return None
    kernel = migration.destination.kernel
    if not kernel.device_nodes:
        return no_idea(
            "the destination's device nodes are not known",
            missing=["destination.kernel.device_nodes"],
        )
    if "net/tun" not in kernel.device_nodes:
        return no("the destination has no /dev/net/tun", remedies=[load_module("tun")])
    if "vhost-net" in kernel.device_nodes or not nic.model.startswith("virtio"):
        return yes("/dev/net/tun is there")
    if migration.vm.domain_type != "kvm":
        return yes("/dev/net/tun is there, and libvirt gives vhost-net to KVM guests alone")
    if nic.driver_name == "vhost":
        summary = "Let QEMU carry the frames itself (--xml)"
        remedies = [
            load_module("vhost_net"),
            change_definition(summary, "interface/driver/@name", "qemu"),
        ]
        return no("the NIC demands vhost-net, which the destination lacks", remedies=remedies)
    if "vhost-net" in migration.source.kernel.device_nodes:
        return yes(
            "the destination has no vhost-net: QEMU carries the frames itself, slower",
            quality=Quality.QUALITY_REDUCED,
        )
    return yes("neither host has vhost-net")


def _vsock(cid: int, migration: Migration, *, automatic: bool) -> Outcome:
    destination = migration.destination
    if destination.kernel.device_nodes and "vhost-vsock" not in destination.kernel.device_nodes:
        return no("the destination has no /dev/vhost-vsock", remedies=[load_module("vhost_vsock")])
    if not destination.HasField("domains"):
        return no_idea("the destination's guests are not known", missing=["destination.domains"])
    for vm in destination.domains.vms:
        taken = {each.vsock_cid for each in vm.other_devices if each.kind == "vsock"}
        if cid in taken and is_active(vm) and not automatic and vm.uuid != migration.vm.uuid:
            summary = "Let libvirt choose the vsock's address (--xml)"
            remedy = change_definition(summary, "vsock/cid/@auto", "yes")
            text = f"guest {vm.name} of the destination uses vsock address {cid}"
            return no(text, remedies=[remedy])
    return yes("/dev/vhost-vsock is there")


FACTS = (chardev_paths, vhost)
