"""Looks at every path that a VM names, on the host that describes it."""

from collections.abc import Iterator

from google.protobuf.message import Message

from vmfit.v1.vm_pb2 import HostPath, Vm
from vmfit_agent.storage.host_path import PathInspector

# What is the same on every host, or ought to be: its content tells. Never disks.
_HASHED = frozenset(
    ("loader", "nvram_template", "kernel", "initrd", "tables", "rom", "script"),
)


def describe_paths(vm: Vm, inspector: PathInspector) -> None:
    """Replace each HostPath of the VM by what is there now; relative names are left as they are.

    A path that occurs several times is looked at once.
    """
    known: dict[tuple[str, bool], HostPath] = {}
    for path, hash_content in _paths(vm):
        if not path.path.startswith("/"):
            continue  # Xen's "hvmloader", an abstract socket.
        key = (path.path, hash_content)
        if key not in known:
            known[key] = inspector.describe(path.path, hash_content=hash_content)
        path.CopyFrom(known[key])


def _paths(message: Message) -> Iterator[tuple[HostPath, bool]]:
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for item in value if field.is_repeated else (value,):
            if isinstance(item, HostPath):
                yield item, field.name in _HASHED
            else:
                yield from _paths(item)
