"""The file systems that hold the paths of a VM."""

from vmfit.v1.vm_pb2 import PathFilesystem
from vmfit_agent.host import Host
from vmfit_agent.storage.filesystem_identities import FilesystemIdentities
from vmfit_agent.storage.filesystem_status import FilesystemStatus, filesystem_status
from vmfit_agent.storage.mount_guard import MountGuard, holding_mount
from vmfit_agent.storage.mountinfo import MountEntry


class PathFilesystems:
    """Describes mounts of a host. Made anew for each description: nothing is asked twice."""

    def __init__(self, host: Host, guard: MountGuard) -> None:
        self._guard = guard
        self._identities = FilesystemIdentities(host)
        self._local: dict[str, FilesystemStatus] = {}

    def holding(self, real_path: str, device_number: str) -> PathFilesystem | None:
        """Return the file system of a resolved path that exists; None without a mount table."""
        entry = holding_mount(self._guard.entries, real_path, device_number)
        if entry is None:
            return None
        found = self.of_mount(entry)
        status = self._status(entry)
        found.MergeFrom(
            PathFilesystem(
                fsid=status.fsid,
                available_bytes=status.available_bytes,
                available_inode_count=status.available_inode_count,
            )
        )
        return found

    def of_mount(self, entry: MountEntry) -> PathFilesystem:
        """Return what the mount table tells, without asking the file system."""
        return PathFilesystem(
            type=entry.type,
            source=entry.source,
            mount_point=entry.mount_point,
            root=entry.root,
            uuid=self._identities.uuid(entry),
            shared=entry.shared,
            read_only=entry.read_only,
        )

    def _status(self, entry: MountEntry) -> FilesystemStatus:
        if entry.may_hang:
            return self._guard.waiting_status(entry)
        point = entry.mount_point
        if point not in self._local:
            self._local[point] = filesystem_status(point)
        return self._local[point]
