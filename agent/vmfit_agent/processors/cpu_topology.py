"""Reads which logical CPUs share a core, a die and a socket."""

from collections.abc import Collection, Mapping, Sequence

from vmfit.v1.cpu_pb2 import LogicalCpu, Topology
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names, read_text
from vmfit_agent.processors.cpu_sets import read_cpu_list, read_cpu_mask

_CPUS = "sys/devices/system/cpu"
Groups = Mapping[int, tuple[int, ...]]
"""The CPUs that share something, by each of them."""


def online_cpu_ids(host: Host, known: Sequence[int] = ()) -> list[int]:
    """Return the online CPUs, ascending; `known` (from /proc/cpuinfo) where sysfs does not tell.

    Source: /sys/devices/system/cpu/online.
    """
    told = read_cpu_list(host, f"{_CPUS}/online")
    if told:
        return told
    names = [name for name in list_names(host, _CPUS) if name[:3] == "cpu" and name[3:].isdigit()]
    ids = sorted(int(name[3:]) for name in names)
    online = [cpu for cpu in ids if (read_text(host, f"{_CPUS}/cpu{cpu}/online") or "1")[0] != "0"]
    return online or sorted(known)


def read_topology(host: Host, cpu_ids: Collection[int]) -> Topology:
    """Return the topology of the online CPUs; counts of 0 where nothing tells.

    Cores and sockets are counted by who shares them: their ids repeat between books and nodes.
    Source: Documentation/ABI/stable/sysfs-devices-system-cpu.
    """
    cores = _groups(host, cpu_ids, ("thread_siblings_list", "thread_siblings"))
    sockets = _groups(host, cpu_ids, ("core_siblings_list", "core_siblings"))
    socket_count = len(set(sockets.values()))
    cpus = [_logical_cpu(host, cpu, cores) for cpu in cpu_ids]
    die_count = socket_count
    # A kernel that knows no dies calls each processor a die without a number.
    if all(cpu.die_id >= 0 for cpu in cpus):
        dies = _groups(host, cpu_ids, ("die_cpus_list", "die_cpus"))
        die_count = len(set(dies.values())) or socket_count
    return Topology(
        cpus=cpus,
        socket_count=socket_count,
        die_count=die_count,
        core_count=len(set(cores.values())),
        thread_count=len(cpu_ids),
    )


# Who shares is mutual: one file for each group is enough, which matters with hundreds of CPUs.
def _groups(host: Host, cpu_ids: Collection[int], names: tuple[str, str]) -> Groups:
    groups: dict[int, tuple[int, ...]] = {}
    online = set(cpu_ids)
    for cpu in cpu_ids:
        if cpu in groups:
            continue
        members = _siblings(host, f"{_CPUS}/cpu{cpu}/topology", names)
        if members is not None:
            group = tuple(member for member in members if member in online) or (cpu,)
            groups[cpu] = group
            for member in group:
                groups.setdefault(member, group)
    return groups


def _siblings(host: Host, directory: str, names: tuple[str, str]) -> list[int] | None:
    as_list, as_mask = names
    members = read_cpu_list(host, f"{directory}/{as_list}")
    # Kernels before 2.6.26 have masks only.
    return members or read_cpu_mask(host, f"{directory}/{as_mask}") or None


def _logical_cpu(host: Host, cpu: int, cores: Groups) -> LogicalCpu:
    directory = f"{_CPUS}/cpu{cpu}/topology"
    return LogicalCpu(
        cpu_id=cpu,
        socket_id=_id(host, f"{directory}/physical_package_id"),
        die_id=_id(host, f"{directory}/die_id"),
        cluster_id=_id(host, f"{directory}/cluster_id"),
        core_id=_id(host, f"{directory}/core_id"),
        sibling_cpu_ids=cores.get(cpu, ()),
    )


def _id(host: Host, path: str) -> int:
    text = read_text(host, path)
    try:
        number = int(text) if text else -1
    except ValueError:
        return -1
    # 65535 is how x86 prints a cluster that it does not know.
    return number if -1 < number < 1 << 31 and number != 0xFFFF else -1
