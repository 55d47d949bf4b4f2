"""The destination's storage pools."""

import posixpath

from vmfit.v1.hypervisor_pb2 import StoragePool
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.knowledge.connections import destination_connection


def named_pool(name: str, case: Case) -> StoragePool | None:
    """Return the destination's pool of this name; None without one."""
    return next((each for each in _pools(case) if each.name == name), None)


def has_volume(name: str, pool: StoragePool | None) -> bool | None:
    """Tell whether a pool lists a volume; None when its volumes could not be listed."""
    if pool is None or not pool.active:
        return False
    return None if pool.error else any(each.name == name for each in pool.volumes)


def pool_at(directory: str, case: Case) -> StoragePool | None:
    """Return the destination's pool whose target is this directory, an active one if there is."""
    found = [
        each
        for each in _pools(case)
        if each.target_path
        and posixpath.normpath(each.target_path) == posixpath.normpath(directory)
    ]
    return max(found, key=lambda each: each.active, default=None)


@reads("destination.libvirt_objects.storage_pools")
def _pools(case: Case) -> list[StoragePool]:
    """Return the pools of the connection that receives the VM."""
    connection = destination_connection(case)
    return [
        each
        for each in case.destination.libvirt_objects.storage_pools
        if connection is None or each.uri == connection.uri
    ]
