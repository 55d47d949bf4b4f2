"""Paths of a VM, named but not looked at."""

from vmfit.v1.vm_pb2 import HostPath


def host_path(path: str | None) -> HostPath | None:
    """Return the path as a message, None when there is none."""
    return HostPath(path=path) if path else None
