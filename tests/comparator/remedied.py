"""Does what typed remedies say: each as a change to the messages of a case.

What a remedy changes is what its action's name and fields say, no more: a bridge that is created is
one that is up with an uplink, a path that is provided is what the source sees there.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message

from tests.comparator.builders import destination_snapshot
from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.hypervisor_pb2 import Secret
from vmfit.v1.network_pb2 import NetworkInterface
from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.virsh_options import parse_virsh_migrate

Effect = Callable[[Any, Case], bool | None]
"""Changes the case in place; False where the action's values do not tell what to change."""


def remedied(remedy: Remedy, case: Case) -> Case | None:
    """Return the case after `remedy`; None where its action does not say what changes."""
    kind = remedy.WhichOneof("action")
    effect = EFFECTS.get(kind or "")
    if effect is None:
        return None
    after = replace(case, **{each: deepcopy(getattr(case, each)) for each in _ROOTS})
    return None if effect(getattr(remedy, kind), after) is False else after


# A case may want more than any machine has.
_MOST_BYTES = 1 << 60
_ROOTS = ("source", "destination", "vm", "incoming", "options", "probes", "clock", "ages")


def _disable_cpu_features(action: Any, case: Case) -> None:
    for guest in (case.vm, case.incoming):
        cpus = [guest.cpu]
        if guest.HasField("migratable_cpu"):
            cpus.append(guest.migratable_cpu)
        for cpu in cpus:
            unknown_before = set(cpu.unknown_features)
            kept = [each for each in cpu.expanded_features if each not in action.features]
            listed = [each for each in cpu.features if each.name not in action.features]
            unknown = [each for each in cpu.unknown_features if each not in action.features]
            cpu.expanded_features[:] = kept
            cpu.unknown_features[:] = unknown
            del cpu.features[:]
            cpu.features.extend(listed)
            for each in action.features:
                if each not in unknown_before:
                    cpu.features.add(name=each, policy="disable")


def _free_memory(action: Any, case: Case) -> bool | None:
    memory = case.destination.memory
    wanted = action.bytes or memory.total_bytes
    if wanted > _MOST_BYTES:
        return False
    memory.committed_bytes = max(0, memory.committed_bytes - wanted)
    memory.free_bytes += wanted
    memory.available_bytes += wanted
    memory.swap_free_bytes = memory.swap_total_bytes
    memory.ClearField("pressure")
    memory.pressure.SetInParent()
    group = memory.guest_cgroup
    if group.HasField("usage_bytes"):
        group.usage_bytes = max(0, group.usage_bytes - wanted)
    for node in case.destination.numa.nodes:
        if not action.HasField("numa_node") or node.node_id == action.numa_node:
            node.free_bytes += wanted
    return None


def _allocate_huge_pages(action: Any, case: Case) -> None:
    pools = [case.destination.memory.huge_pages]
    pools += [
        node.huge_pages
        for node in case.destination.numa.nodes
        if action.HasField("numa_node") and node.node_id == action.numa_node
    ]
    for pool in pools:
        pages = next((each for each in pool if each.size_bytes == action.size_bytes), None)
        pages = pages or pool.add(size_bytes=action.size_bytes)
        pages.total_count += action.count
        pages.free_count += action.count


def _create_bridge(action: Any, case: Case) -> None:
    network = case.destination.network
    if network.ovs_present or any(nic.virtual_port_type == "openvswitch" for nic in case.vm.nics):
        network.ovs_bridges.add(name=action.name)
    uplink = "uplink0" if action.source_uplink else ""
    mtu = max([1500, *(each.mtu_bytes for each in case.source.network.interfaces if each.bridge)])
    others = [each for each in network.interfaces if each.name != action.name]
    made = NetworkInterface(
        name=action.name, type="bridge", mtu_bytes=mtu, up=True, operational_state="up"
    )
    made.carrier = True
    made.bridge.SetInParent()
    if uplink:
        made.bridge.ports.append(uplink)
        others.append(
            NetworkInterface(
                name=uplink,
                type="physical",
                mtu_bytes=mtu,
                up=True,
                operational_state="up",
                carrier=True,
                master=action.name,
            )
        )
    del network.interfaces[:]
    network.interfaces.extend([*others, made])


def _start_network(action: Any, case: Case) -> bool | None:
    networks = case.destination.libvirt_objects.networks
    uri = case.vm.connection_uri
    found = next((each for each in networks if (each.name, each.uri) == (action.name, uri)), None)
    if found is None:
        here = (each for each in case.source.libvirt_objects.networks if each.name == action.name)
        model = next(here, None)
        if model is None:
            return False
        found = networks.add()
        found.CopyFrom(model)
    found.active = True
    return None


def _set_mtu(action: Any, case: Case) -> None:
    for each in case.destination.network.interfaces:
        if each.name == action.interface:
            each.mtu_bytes = action.mtu_bytes


def _provide_storage(action: Any, case: Case) -> bool | None:
    """Let the incoming guest see at the path what the source sees there.

    False where something is there: what is wrong with it is told in words.
    """
    here = {each.path: each for each in _paths(case.vm)}
    model = here.get(action.path)
    there = [each for each in _paths(case.incoming) if each.path == action.path]
    if model is None or not model.exists or not there or any(each.exists for each in there):
        return False
    for each in there:
        each.CopyFrom(model)
        each.ClearField("error")
    return None


def _paths(message: Message) -> Iterator[HostPath]:
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for each in value if field.is_repeated else [value]:
            if isinstance(each, HostPath):
                yield each
            yield from _paths(each)


def _upgrade_software(action: Any, case: Case) -> bool | None:
    """Install just the version that is named; False where the name is no program with one."""
    host = case.source if action.on_source else case.destination
    number = _number(action.minimum_version)
    if action.name in ("libvirt", "QEMU") and number:
        field = "libvirt_version" if action.name == "libvirt" else "hypervisor_version"
        for each in host.hypervisor.connections:
            setattr(each, field, max(getattr(each, field), number))
        if action.name == "QEMU":
            _merge_machine_types(case)
        return None
    if action.name == "swtpm" and number and host.hypervisor.HasField("swtpm_version"):
        host.hypervisor.swtpm_version = action.minimum_version
        return None
    if action.name == "the kernel" and number:
        host.kernel.release = action.minimum_version
        return None
    return False


def _merge_machine_types(case: Case) -> None:
    """Give the destination the machine types that a QEMU as new as the source's has."""
    here_and_there = (case.source.hypervisor.connections, case.destination.hypervisor.connections)
    for here, there in zip(*here_and_there, strict=False):
        if there.hypervisor_version < here.hypervisor_version:
            continue
        archs = {each.architecture: each for each in here.guest_archs}
        for arch in there.guest_archs:
            known = {each.name for each in arch.machine_types}
            model = archs.get(arch.architecture)
            for each in model.machine_types if model else ():
                if each.name not in known and not each.HasField("canonical"):
                    arch.machine_types.add().CopyFrom(each)


def _number(version: str) -> int:
    words = version.partition("-")[0].split(".")
    if not version or not all(each.isdecimal() for each in words):
        return 0
    major, minor, release = ([int(each) for each in words] + [0, 0])[:3]
    return major * 1_000_000 + minor * 1_000 + release


def _define_secret(action: Any, case: Case) -> None:
    secrets = case.destination.libvirt_objects.secrets
    for each in secrets:
        if each.uri in ("", case.vm.connection_uri) and (
            each.uuid == action.uuid or (action.usage and each.usage_id == action.usage)
        ):
            each.value_set = True
            return
    here = case.source.libvirt_objects.secrets
    model = next((each for each in here if each.uuid == action.uuid), None)
    made = Secret(uri=case.vm.connection_uri, uuid=action.uuid, usage_id=action.usage)
    if model is not None:
        made.CopyFrom(model)
    made.value_set = True
    secrets.append(made)


def _remove_domain(action: Any, case: Case) -> None:
    vms = case.destination.domains.vms
    kept = [each for each in vms if (each.name, each.uuid) != (action.name, action.uuid)]
    del vms[:]
    vms.extend(kept)


def _wait_for_job(_action: Any, case: Case) -> None:
    for guest in (case.vm, case.incoming):
        guest.ClearField("jobs")
        guest.jobs.SetInParent()


def _change_migration_option(action: Any, case: Case) -> bool | None:
    flag, _, value = action.option.partition(" ")
    if flag in ("--offline", "--timeout"):
        return False
    if not flag.startswith("--") or (value and value.isupper()):
        return False
    if action.remove:
        given = _OPTION_FIELDS.get(flag)
        if given is None:
            return False
        for each in given:
            case.options.ClearField(each)
        return None
    if flag in _VALUED and (not value or value.endswith(("ADDRESS", "HOST"))):
        return False
    words = ["migrate", "--tls", *action.option.split()]
    added = parse_virsh_migrate(words, _no_file).options
    added.tls = flag.startswith("--tls")
    if added.offline:
        return False
    case.options.MergeFrom(added)
    return None


_VALUED = (
    "--migrateuri",
    "--dname",
    "--comp-methods",
    "--tls-destination",
    "--timeout",
    "--bandwidth",
)


def _no_file(name: str) -> str:
    raise AssertionError(f"no remedy names a file of options: {name}")


_OPTION_FIELDS = {
    "--abort-on-error": ["abort_on_error"],
    "--copy-storage-synchronous-writes": ["storage_copy_synchronous_writes"],
    "--migrate-disks": ["copied_disks"],
    "--suspend": ["suspend"],
    "--auto-converge": [
        "auto_converge",
        "auto_converge_initial_percent",
        "auto_converge_increment_percent",
    ],
    "--direct": ["direct"],
    "--parallel": ["parallel", "parallel_connections"],
    "--persistent": ["persistent", "persistent_xml"],
    "--postcopy": ["post_copy", "post_copy_after_precopy"],
    "--tls": ["tls", "tls_destination"],
    "--tunnelled": ["tunnelled"],
    "--xml": ["destination_xml"],
    "--zerocopy": ["zero_copy"],
}


def _synchronise_clock(_action: Any, case: Case) -> None:
    for host in (case.source, case.destination):
        host.clock.synchronised = True
    case.clock.Clear()
    case.clock.difference_seconds = 0.0


def _login_iscsi(action: Any, case: Case) -> None:
    iscsi = case.destination.iscsi
    sessions = [each for each in iscsi.sessions if each.target_name == action.target_name]
    for each in sessions or [iscsi.sessions.add(target_name=action.target_name)]:
        each.state = "LOGGED_IN"
        each.portal = each.portal or action.portal


def _repin_vcpus(action: Any, case: Case) -> bool | None:
    if not action.cpu_ids:
        return False
    for guest in (case.vm, case.incoming):
        vcpus = guest.vcpus
        lists = [vcpus, *vcpus.pins, *vcpus.iothread_pins]
        for each in lists:
            if each.cpu_ids:
                each.cpu_ids[:] = action.cpu_ids
        if vcpus.emulator_cpu_ids:
            vcpus.emulator_cpu_ids[:] = action.cpu_ids
    return None


def _restart_service(action: Any, case: Case) -> bool | None:
    healthy = destination_snapshot()
    if action.name in ("virtlogd", "virtlockd"):
        case.destination.security.helper_sockets.CopyFrom(healthy.security.helper_sockets)
        return None
    return False


EFFECTS: dict[str, Effect] = {
    "disable_cpu_features": _disable_cpu_features,
    "free_memory": _free_memory,
    "allocate_huge_pages": _allocate_huge_pages,
    "create_bridge": _create_bridge,
    "start_network": _start_network,
    "set_mtu": _set_mtu,
    "login_iscsi": _login_iscsi,
    "provide_storage": _provide_storage,
    "upgrade_software": _upgrade_software,
    "define_secret": _define_secret,
    "remove_domain": _remove_domain,
    "wait_for_job": _wait_for_job,
    "change_migration_option": _change_migration_option,
    "repin_vcpus": _repin_vcpus,
    "synchronise_clock": _synchronise_clock,
    "restart_service": _restart_service,
}
"""By the action's name."""
