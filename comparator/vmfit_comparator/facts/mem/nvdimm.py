"""Does the destination have the files that the guest's NVDIMMs lie in?"""

from vmfit.v1.finding_pb2 import ANSWER_YES
from vmfit.v1.vm_pb2 import MemoryDevice
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
)
from vmfit_comparator.knowledge.device_paths import existing
from vmfit_comparator.knowledge.disks import joined
from vmfit_comparator.knowledge.guest_memory import (
    size_text,
)


@fact(applies_if=("incoming.memory.devices.source",), needs=("incoming.memory.devices",))
def nvdimm(case: Case) -> Result:
    """Look the files and devices up that back NVDIMMs and virtio-pmem.

    Missing, or smaller than the device, is NO: QEMU maps them before the guest's memory comes. One
    that nobody looked for is NO_IDEA, else YES.

    Source: stat(2); QEMU's memory-backend-file.
    """
    outcomes = {
        each.source.path: _persistent(each)
        for each in case.incoming.memory.devices
        if each.source.path
    }
    return joined(outcomes, "does not apply: no memory device lies in a file")


def _persistent(device: MemoryDevice) -> Result:
    found = existing(device.source, "incoming.memory.devices.source")
    size = device.source.size_bytes if found.answer == ANSWER_YES else 0
    if 0 < size < device.size_bytes:
        return no(f"it has {size_text(size)} there, {size_text(device.size_bytes)} are mapped")
    return found
