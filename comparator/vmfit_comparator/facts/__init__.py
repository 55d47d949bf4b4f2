"""The catalogue: every built-in fact, area by area."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.facts import (
    cpu,
    cpu_advice,
    cpu_extra,
    cpu_limits,
    cpu_model,
    cpu_passthrough,
    dev,
    dev_blockers,
    dev_paths,
    dev_roms,
    dev_vfio,
    domain,
    fw,
    host,
    hv,
    hv_directories,
    hv_hooks,
    hv_migration,
    job,
    limits,
    machine,
    machine_devices,
    mem,
    mem_backing,
    net,
    net_definition,
    net_libvirt,
    net_migration,
    net_ports,
    net_reach,
    numa,
    policy,
    return_path,
    sec,
    storage,
    storage_cluster,
    storage_copy,
    storage_drivers,
    storage_identity,
    storage_iscsi,
    storage_mounts,
    storage_permissions,
    storage_sharing,
    storage_space,
    sw,
    sw_migration,
    time,
    tpm,
    vm,
    vm_guest,
)

MODULES = (
    host,
    policy,
    hv,
    hv_migration,
    hv_hooks,
    hv_directories,
    sw,
    sw_migration,
    cpu,
    cpu_passthrough,
    cpu_extra,
    cpu_model,
    cpu_limits,
    cpu_advice,
    machine,
    machine_devices,
    mem,
    mem_backing,
    numa,
    storage_identity,
    storage,
    storage_sharing,
    storage_iscsi,
    storage_drivers,
    storage_cluster,
    storage_copy,
    storage_space,
    storage_mounts,
    storage_permissions,
    net,
    net_reach,
    net_migration,
    net_ports,
    net_libvirt,
    net_definition,
    dev,
    dev_blockers,
    dev_vfio,
    dev_paths,
    dev_roms,
    fw,
    tpm,
    sec,
    domain,
    vm,
    vm_guest,
    job,
    limits,
    time,
    return_path,
)


def catalogue(facts: Iterable[Fact]) -> Mapping[str, Fact]:
    """Return the facts by id, in the order given; ValueError for a repeated id."""
    by_id: dict[str, Fact] = {}
    for each in facts:
        if each.id in by_id:
            raise ValueError(f"fact {each.id} is declared twice")
        by_id[each.id] = each
    return MappingProxyType(by_id)


BUILT_IN: Mapping[str, Fact] = catalogue(each for module in MODULES for each in module.FACTS)
