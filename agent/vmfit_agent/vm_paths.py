"""Looks at every path that a VM names, and at its images, on the host that describes it."""

from vmfit.v1.vm_pb2 import HostPath, StorageSource, Vm
from vmfit_agent.disk_sources import disk_sources, extend_backing_chain, read_data_file, read_size
from vmfit_agent.path_elements import named_paths
from vmfit_agent.storage.element import Element
from vmfit_agent.storage.host_path import PathInspector
from vmfit_agent.unusable_definition import UnusableDefinition

MAXIMUM_PATHS = 2048
NOT_FOR_THIS_CALLER = "paths are looked at for callers with the role probe"


def look_at_paths(vm: Vm, inspector: PathInspector) -> None:
    """Set what is at each path, and of the disks sizes, formats and what they rest on.

    In a recording there are no images to be read. Raises UnusableDefinition for a VM that names,
    or rests on, more paths than any guest has.
    """
    count = sum(1 for _ in named_paths(vm))
    _require_few(count)
    if inspector.is_live:
        for disk in vm.disks:
            if disk.HasField("source"):
                known = len(disk.backing_chain)
                extend_backing_chain(disk, inspector)
                count += len(disk.backing_chain) - known
                _require_few(count)
        for source in disk_sources(vm):
            read_data_file(source, inspector)
    _describe(vm, inspector)
    if inspector.is_live:
        for source in disk_sources(vm):
            read_size(source, inspector)
            _read_allocation(source, inspector)


def keep_paths_back(vm: Vm) -> None:
    """Leave of each path the name, and say why there is no more."""
    for path, _, _ in named_paths(vm):
        if path.path.startswith("/"):
            path.CopyFrom(HostPath(path=path.path, error=NOT_FOR_THIS_CALLER))


def _require_few(count: int) -> None:
    if count > MAXIMUM_PATHS:
        raise UnusableDefinition(f"domain XML: it names more than {MAXIMUM_PATHS} paths")


def _describe(vm: Vm, inspector: PathInspector) -> None:
    """Replace each path by what is there now; relative names are left as they are.

    A path that occurs several times is looked at once.
    """
    known: dict[tuple[str, Element, bool], HostPath] = {}
    for path, element, is_compared in named_paths(vm):
        if not path.path.startswith("/"):
            continue  # Xen's "hvmloader", an abstract socket.
        key = (path.path, element, is_compared)
        if key not in known:
            known[key] = inspector.describe(path.path, element, hash_content=is_compared)
        path.CopyFrom(known[key])


def _read_allocation(source: StorageSource, inspector: PathInspector) -> None:
    if source.path.kind != "file":
        return
    allocated = inspector.allocated_bytes(source.path.path)
    if allocated is not None:
        source.allocation_bytes = allocated
