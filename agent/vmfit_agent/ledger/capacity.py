"""How much memory a host can promise, and whether promises fit."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from vmfit.v1.preparation_pb2 import Reservation
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names, read_text
from vmfit_agent.kernel_files.huge_pages import read_huge_pages
from vmfit_agent.kernel_files.meminfo import parse_meminfo, reclaimable_bytes

_NODES = "sys/devices/system/node"

Place = tuple[int | None, int | None]
"""A NUMA node, None for the host as a whole, and a size of huge pages, None for ordinary ones."""


class Capacity(NamedTuple):
    """What can be taken now, by nobody in particular."""

    free_bytes: Mapping[Place, int]
    """By place; one that the kernel tells nothing of is missing."""


def read_capacity(host: Host) -> Capacity:
    """Return what is free or can be reclaimed without swapping.

    Source: /proc/meminfo MemAvailable; MemFree, FilePages and KReclaimable of a node's meminfo;
    free_hugepages and resv_hugepages of Documentation/admin-guide/mm/hugetlbpage.rst.
    """
    free: dict[Place, int] = {}
    sizes = parse_meminfo(read_text(host, "proc/meminfo") or "")
    if "MemAvailable" in sizes:
        free[None, None] = sizes["MemAvailable"]
    for pool in read_huge_pages(host, "sys/kernel/mm/hugepages", whole_host=True):
        unpromised = max(pool.free_count - pool.reserved_count, 0)
        free[None, pool.size_bytes] = unpromised * pool.size_bytes
    for name in list_names(host, _NODES):
        if name.startswith("node") and name[4:].isdigit():
            _add_node(host, int(name[4:]), free)
    return Capacity(free)


def _add_node(host: Host, node: int, free: dict[Place, int]) -> None:
    path = f"{_NODES}/node{node}"
    sizes = parse_meminfo(read_text(host, f"{path}/meminfo") or "")
    if "MemFree" in sizes:
        free[node, None] = sizes["MemFree"] + (reclaimable_bytes(sizes) or 0)
    for pool in read_huge_pages(host, f"{path}/hugepages", whole_host=False):
        free[node, pool.size_bytes] = pool.free_count * pool.size_bytes


class Shortage(NamedTuple):
    """A place that has not what is wanted."""

    place: Place
    wanted_bytes: int
    promised_bytes: int
    """To others."""
    free_bytes: int | None
    """None when the host tells nothing of such a place."""


def shortage(
    capacity: Capacity, wanted: Iterable[Reservation], promised: Iterable[Reservation]
) -> Shortage | None:
    """Return the first place that cannot give what is wanted beside what is promised; None if none.

    What is bound to a node counts on the node and on the host as a whole.
    """
    asked, taken = _by_place(wanted), _by_place(promised)
    for place, wanted_bytes in asked.items():
        free, others = capacity.free_bytes.get(place), taken.get(place, 0)
        if free is None or wanted_bytes + others > free:
            return Shortage(place, wanted_bytes, others, free)
    return None


def remaining_bytes(reservation: Reservation) -> int:
    """Return what of a promise has not been taken yet."""
    return max(reservation.size_bytes - reservation.used_bytes, 0)


def place_of(reservation: Reservation) -> Place:
    """Return where a promise holds."""
    node = reservation.numa_node if reservation.HasField("numa_node") else None
    size = reservation.huge_page_bytes if reservation.HasField("huge_page_bytes") else None
    return node, size


def _by_place(reservations: Iterable[Reservation]) -> dict[Place, int]:
    sums: dict[Place, int] = {}
    for each in reservations:
        node, size = place_of(each)
        for place in {(node, size), (None, size)}:
            sums[place] = sums.get(place, 0) + remaining_bytes(each)
    return sums
