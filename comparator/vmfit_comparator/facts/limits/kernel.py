"""Do the destination kernel's limits leave room for one more guest?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, no, probably_no, yes

# QEMU reserves this many events for each thread that does native asynchronous I/O.
_AIO_EVENTS = 128


_TIGHT = 0.95


@fact(needs=("destination.kernel.limits",), reads=("vm.disks", "vm.vcpus.maximum_count"))
def kernel(case: Case) -> Result:
    """Compare the limits that a coming guest could meet with what is used.

    Room is YES. File handles of the whole host used up, or no room for the asynchronous I/O of a
    guest with io='native', is NO; a control group that allows fewer tasks than the guest has
    threads NO; 95 % of the file handles used PROBABLY_NO. Limits that are not known count for
    nothing.

    Source: /proc/sys/fs/aio-max-nr, aio-nr, file-max, file-nr; pids.max.
    """
    limits, vm = case.destination.kernel.limits, case.vm
    exceeded, tight = [], []
    native = sum(1 for disk in vm.disks if disk.io == "native")
    if native and limits.HasField("aio_max_count"):
        left = limits.aio_max_count - limits.aio_used_count
        if left < _AIO_EVENTS:
            exceeded.append(f"{left} of {limits.aio_max_count} asynchronous I/O events are left")
    if limits.HasField("file_max_count") and limits.file_max_count:
        share = limits.file_used_count / limits.file_max_count
        text = f"{limits.file_used_count} of {limits.file_max_count} file handles are in use"
        if share >= 1:
            exceeded.append(text)
        elif share >= _TIGHT:
            tight.append(text)
    threads = vm.vcpus.maximum_count + 1
    if limits.HasField("pids_max_count") and limits.pids_max_count < threads:
        exceeded.append(f"pids.max is {limits.pids_max_count}, the guest has {threads} threads")
    remedy = change_definition("Raise the limit with sysctl or TasksMax", "sysctl", "")
    if exceeded:
        return no("; ".join(exceeded), remedies=[remedy])
    if tight:
        return probably_no("; ".join(tight), remedies=[remedy])
    return yes("the known limits leave room")
