"""Does libvirt's driver for this hypervisor migrate running domains?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.connections import source_connection

# libvirt's drivers without any call that migrates a running domain.
_NEVER = frozenset(("bhyve", "ch", "vbox", "vmware", "hyper-v", "test", "openvz"))


_LIVE = frozenset(("qemu", "xen"))


@fact(
    needs=("vm.domain_type", "source.hypervisor"),
    reads="source.hypervisor.connections.live_migration",
)
def live_migration(case: Case) -> Result:
    """Judge by libvirt's driver, which the VM's connection names.

    QEMU and Xen are YES. bhyve, Cloud Hypervisor, VirtualBox, VMware, Hyper-V, OpenVZ and the test
    driver have no live migration: NO. Containers (LXC) are PROBABLY_NO: they would be stopped.
    Another driver is PROBABLY_YES if its capabilities tell of live migration, else NO_IDEA.

    Source: libvirt's drivers (virDomainMigratePerform3Params); capabilities, migration_features.
    """
    connection = source_connection(case)
    if connection is None:
        missing = "source.hypervisor.connections"
        return no_idea("the source shows no connection that runs the VM", missing=[missing])
    driver = connection.driver.lower()
    if driver in _LIVE:
        return yes(f"libvirt's {connection.driver} driver migrates running domains")
    if driver in _NEVER:
        return no(f"libvirt's {connection.driver} driver migrates no running domain")
    if driver == "lxc":
        return probably_no("libvirt migrates no running container")
    if connection.live_migration:
        return probably_yes(
            f"libvirt's {connection.driver} driver says it migrates running domains"
        )
    return no_idea(f"whether libvirt's {connection.driver} driver migrates is not known")
