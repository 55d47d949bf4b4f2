"""Reads pools of huge pages, of the whole host or of one NUMA node."""

import re

from vmfit.v1.host_pb2 import HugePages
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names, read_count

_POOL = re.compile(r"hugepages-(\d{1,12})kB")


def read_huge_pages(host: Host, directory: str, *, whole_host: bool) -> list[HugePages]:
    """Return the pools in ascending order of page size; none on a kernel without huge pages.

    Reserved, surplus and overcommit pages are set for the whole host alone.
    Source: Documentation/admin-guide/mm/hugetlbpage.rst.
    """
    pools = []
    for name in list_names(host, directory):
        match = _POOL.fullmatch(name)
        if match is None:
            continue
        path = f"{directory}/{name}"
        total = read_count(host, f"{path}/nr_hugepages")
        free = read_count(host, f"{path}/free_hugepages")
        if total is None or free is None:
            host.warn(f"/{path}: nr_hugepages or free_hugepages is missing")
            continue
        pool = HugePages(size_bytes=int(match[1]) * 1024, total_count=total, free_count=free)
        if whole_host:
            _add_promises(host, path, pool)
        pools.append(pool)
    return sorted(pools, key=lambda pool: pool.size_bytes)


def _add_promises(host: Host, path: str, pool: HugePages) -> None:
    reserved = read_count(host, f"{path}/resv_hugepages")
    if reserved is not None:
        pool.reserved_count = reserved
    overcommit = read_count(host, f"{path}/nr_overcommit_hugepages")
    if overcommit is not None:
        pool.overcommit_count = overcommit
    surplus = read_count(host, f"{path}/surplus_hugepages")
    if surplus is not None:
        pool.surplus_count = surplus
