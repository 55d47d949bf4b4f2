"""Hosts and events to try the rules of leases with."""

from vmfit.v1.preparation_pb2 import Reservation

MIB = 1 << 20
FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"
BOOT_ID = "b0070000-0000-4000-8000-000000000001"
SECOND_NS = 10**9


def memory(mebibytes, node=None, page=None):
    return Reservation(size_bytes=mebibytes * MIB, numa_node=node, huge_page_bytes=page)


def write_host(root, available_mebibytes=1024, nodes=(), pools=()):
    """Make a host: memory in all, (node, MiB) each, and (page size, pages) each."""
    files = {
        "proc/meminfo": f"MemAvailable: {available_mebibytes * 1024} kB\n",
        "proc/sys/kernel/random/boot_id": f"{BOOT_ID}\n",
    }
    for node, size in nodes:
        files[f"sys/devices/system/node/node{node}/meminfo"] = (
            f"Node {node} MemFree: {size * 1024} kB\n"
        )
    for size, count in pools:
        directory = f"sys/kernel/mm/hugepages/hugepages-{size // 1024}kB"
        files[f"{directory}/nr_hugepages"] = f"{count}\n"
        files[f"{directory}/free_hugepages"] = f"{count}\n"
        files[f"{directory}/resv_hugepages"] = "0\n"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "var/lib/vmfit-prepare").mkdir(parents=True, exist_ok=True)
    return root


def write_guest(root, pid, vm_uuid, resident_mebibytes, huge_mebibytes=0):
    """Have a VM's QEMU run there."""
    path = root / "proc" / str(pid)
    path.mkdir(parents=True, exist_ok=True)
    (path / "cmdline").write_bytes(b"\0".join([b"qemu", b"-uuid", vm_uuid.encode(), b"-S", b""]))
    (path / "status").write_text(
        f"VmRSS:\t{resident_mebibytes * 1024} kB\nHugetlbPages:\t{huge_mebibytes * 1024} kB\n"
    )
