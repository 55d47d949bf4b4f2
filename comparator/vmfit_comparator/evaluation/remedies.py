"""Remedies that several facts give, with the words and the command for people."""

import shlex

from vmfit.v1.finding_pb2 import (
    ChangeDefinition,
    ChangeMigrationOption,
    CreateBridge,
    DefineSecret,
    DetachDevice,
    LoginIscsi,
    ProvideStorage,
    Remedy,
    RemoveDomain,
    SetMtu,
    StartNetwork,
    UpgradeSoftware,
)


def provide_storage(summary: str, path: str, source: str = "", command: str = "") -> Remedy:
    """Mount, map, copy or create what `path` names, from `source` where that is known."""
    return Remedy(
        summary=summary, command=command, provide_storage=ProvideStorage(path=path, source=source)
    )


def make_directory(path: str) -> Remedy:
    """Create a directory on the destination."""
    return provide_storage(
        f"Create the directory {path} on the destination",
        path,
        command=f"mkdir -p {shlex.quote(path)}",
    )


def add_option(option: str, why: str) -> Remedy:
    """Give `virsh migrate` one more flag."""
    return Remedy(
        summary=f"Add {option} to virsh migrate: {why}",
        change_migration_option=ChangeMigrationOption(option=option),
    )


def drop_option(option: str, why: str) -> Remedy:
    """Leave one flag of `virsh migrate` out."""
    return Remedy(
        summary=f"Drop {option} from virsh migrate: {why}",
        change_migration_option=ChangeMigrationOption(option=option, remove=True),
    )


def log_in(target_name: str, portal: str) -> Remedy:
    """Log the destination in to an iSCSI target; the portal is empty when it is not known."""
    command = ["iscsiadm", "-m", "node", "-T", target_name]
    command += ["-p", portal, "--login"] if portal else ["--login"]
    return Remedy(
        summary=f"Log in to {target_name} on the destination",
        command=shlex.join(command),
        login_iscsi=LoginIscsi(target_name=target_name, portal=portal),
    )


def create_bridge(name: str, source_uplink: str = "") -> Remedy:
    """Create a bridge on the destination, with an uplink if the source's has one."""
    quoted = shlex.quote(name)
    steps = [f"ip link add {quoted} type bridge"]
    lasting = "and keep it in the host's network configuration"
    if source_uplink:
        steps.append(f'ip link set "$UPLINK" master {quoted}')
        summary = (
            f"Create bridge {name} on the destination with an uplink to the network that "
            f"{source_uplink} leads to on the source, {lasting}"
        )
    else:
        summary = f"Create bridge {name} on the destination, {lasting}"
    return Remedy(
        summary=summary,
        command=" && ".join([*steps, f"ip link set {quoted} up"]),
        create_bridge=CreateBridge(name=name, source_uplink=source_uplink),
    )


def connect_bridge(name: str, source_uplink: str) -> Remedy:
    """Give the destination's bridge an uplink like the source's."""
    quoted = shlex.quote(name)
    return Remedy(
        summary=(
            f"Attach to bridge {name} of the destination an uplink to the network that "
            f"{source_uplink} leads to on the source, and keep it in the host's network "
            "configuration"
        ),
        command=f'ip link set "$UPLINK" master {quoted} && ip link set {quoted} up',
        create_bridge=CreateBridge(name=name, source_uplink=source_uplink),
    )


def start_network(name: str, *, define: bool) -> Remedy:
    """Start a libvirt network on the destination, after defining it if it is not there."""
    verb = "Define and start" if define else "Start"
    return Remedy(
        summary=f"{verb} the libvirt network {name} on the destination",
        command="" if define else f"virsh net-start {shlex.quote(name)}",
        start_network=StartNetwork(name=name, define=define),
    )


def set_mtu(interface: str, mtu_bytes: int) -> Remedy:
    """Raise an interface's MTU on the destination."""
    return Remedy(
        summary=f"Set the MTU of {interface} on the destination to {mtu_bytes}",
        command=f"ip link set {shlex.quote(interface)} mtu {mtu_bytes}",
        set_mtu=SetMtu(interface=interface, mtu_bytes=mtu_bytes),
    )


def upgrade(name: str, minimum_version: str, *, on_source: bool = False) -> Remedy:
    """Upgrade or install a piece of software."""
    side = "source" if on_source else "destination"
    wanted = f"{name} {minimum_version} or newer" if minimum_version else name
    return Remedy(
        summary=f"Install {wanted} on the {side}",
        upgrade_software=UpgradeSoftware(
            name=name, minimum_version=minimum_version, on_source=on_source
        ),
    )


def define_secret(uuid: str, usage: str, *, set_value: bool) -> Remedy:
    """Define a libvirt secret on the destination, or give it its value."""
    verb = "Set the value of" if set_value else "Define"
    return Remedy(
        summary=f"{verb} the libvirt secret {uuid or usage} on the destination",
        define_secret=DefineSecret(uuid=uuid, usage=usage, set_value=set_value),
    )


def remove_domain(name: str, uuid: str) -> Remedy:
    """Remove or rename a domain of the destination."""
    return Remedy(
        summary=f"Rename or undefine domain {name} ({uuid}) on the destination",
        remove_domain=RemoveDomain(name=name, uuid=uuid),
    )


def open_ports(ports: str) -> Remedy:
    """Let the migration's data through the firewalls."""
    return Remedy(summary=f"Allow TCP ports {ports} from the source to the destination")


def load_module(name: str) -> Remedy:
    """Load a module of the kernel on the destination."""
    return Remedy(
        summary=f"Load the kernel module {name} on the destination", command=f"modprobe {name}"
    )


def widen_ports() -> Remedy:
    """Let libvirt on the destination use more ports for migrations."""
    return change_definition(
        "Widen migration_port_min to migration_port_max on the destination",
        "qemu.conf/migration_port_max",
        "",
    )


def detach(device: str) -> Remedy:
    """Detach a device from the guest before it moves."""
    return Remedy(
        summary=f"Detach {device} from the guest before the migration",
        detach_device=DetachDevice(device=device),
    )


def change_definition(summary: str, element: str, value: str) -> Remedy:
    """Change the domain's XML."""
    return Remedy(summary=summary, change_definition=ChangeDefinition(element=element, value=value))
