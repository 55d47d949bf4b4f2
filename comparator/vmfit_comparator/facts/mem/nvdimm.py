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
from vmfit_comparator.knowledge.devices import memory_devices
from vmfit_comparator.knowledge.guest_memory import (
    size_text,
)


@fact(each=memory_devices, applies_if="incoming.memory.devices.source")
def nvdimm(device: MemoryDevice, _: Case) -> Result | None:
    """Look the files and devices up that back NVDIMMs and virtio-pmem.

    Missing, or smaller than the device, is NO: QEMU maps them before the guest's memory comes. One
    that nobody looked for is NO_IDEA, else YES.

    Source: stat(2); QEMU's memory-backend-file.
    """
    if not device.source.path:
        return None
    found = existing(device.source, "incoming.memory.devices.source")
    size = device.source.size_bytes if found.answer == ANSWER_YES else 0
    if 0 < size < device.size_bytes:
        return no(f"it has {size_text(size)} there, {size_text(device.size_bytes)} are mapped")
    return found
