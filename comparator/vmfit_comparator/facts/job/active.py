"""Is the VM free of jobs that forbid a migration?"""

from vmfit.v1.finding_pb2 import Remedy, WaitForJob
from vmfit.v1.vm_pb2 import VM_STATE_SHUT_OFF
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no, no_idea, not_applicable, yes


@fact(applies_if=("vm.state",), needs=("vm.state",), reads=("vm.jobs",), offline=True)
def active(case: Case) -> Result:
    """Look for a job of the domain or of one of its disks.

    Idle is YES. A running job (migration, save, dump, backup) or block job (copy, commit, pull) is
    NO: libvirt refuses until it has ended.

    Source: virDomainGetJobInfo, virDomainGetBlockJobInfo.
    """
    vm = case.vm
    if vm.state == VM_STATE_SHUT_OFF:
        return not_applicable("a VM that is shut off has no jobs")
    if not vm.HasField("jobs"):
        return no_idea("nobody asked for its jobs", missing=["vm.jobs"])
    jobs = [vm.jobs.active] if vm.jobs.active else []
    jobs += [f"block {job.type} of {job.disk}" for job in vm.jobs.block_jobs]
    if not jobs:
        return yes("it has no job")
    remedies = [
        Remedy(summary=f"Wait until the {job} job has ended", wait_for_job=WaitForJob(job=job))
        for job in jobs
    ]
    return no(f"running: {', '.join(jobs)}", remedies=remedies)
