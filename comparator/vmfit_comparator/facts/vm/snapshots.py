"""Is the VM free of snapshots that forbid a migration?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, no, yes


@fact(applies_if=("vm.state",), needs=("vm.snapshot_count",), offline=True)
def snapshots(case: Case) -> Result:
    """Count the snapshots that libvirt keeps for the domain.

    None is YES, any is NO: libvirt says "cannot migrate domain with N snapshots".

    Source: virDomainSnapshotNum; libvirt qemuMigrationSrcIsAllowed.
    """
    count = case.vm.snapshot_count
    if not count:
        return yes("libvirt knows no snapshots of it")
    remedy = change_definition(
        "Delete the snapshots (virsh snapshot-delete; --metadata keeps their content)",
        "domainsnapshot",
        "",
    )
    return no(f"libvirt refuses to migrate a domain with {count} snapshots", remedies=[remedy])
