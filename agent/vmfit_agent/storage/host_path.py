"""What a path of a VM is on this host: a file on which file system, which block device."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from vmfit.v1.storage_pb2 import BlockDevice
from vmfit.v1.vm_pb2 import BlockIdentity, HostPath, PathFilesystem
from vmfit_agent.collectors import block_devices, mounts
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.sysfs import link_name, read_count
from vmfit_agent.networking.unix_sockets import listening_paths
from vmfit_agent.storage.content_hash import CONTENT_HASHES
from vmfit_agent.storage.filesystem_status import (
    FILESYSTEM_PROBE,
    FilesystemStatus,
    filesystem_status,
)
from vmfit_agent.storage.hang_guard import HANG_GUARD
from vmfit_agent.storage.mountinfo import MountEntry
from vmfit_agent.storage.path_resolution import resolve
from vmfit_agent.storage.udev import BlockDatabase, block_database

_IdentityField = Literal[
    "vendor",
    "model",
    "serial",
    "wwn",
    "bus",
    "transport",
    "dm_uuid",
    "filesystem_uuid",
    "partition_uuid",
    "nvme_nguid",
]
Answer = TypeVar("Answer")

_DEADLINE_SECONDS = 1.0
_HASH_DEADLINE_SECONDS = 3.0
_MAXIMUM_PATH_CHARACTERS = 4096
_SECTOR_BYTES = 512
_MAXIMUM_SECTORS = 2**64 // _SECTOR_BYTES
_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFBLK: "block",
    stat.S_IFCHR: "character",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "fifo",
}
# Fields that mean the same in BlockDevice and in BlockIdentity.
_IDENTITY_FIELDS: tuple[_IdentityField, ...] = get_args(_IdentityField)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stat says of a path, or of the nearest directory above it that exists."""

    path: str
    status: os.stat_result
    exists: bool


class PathInspector:
    """Looks at paths of one host. Made anew for each description: mounts are read once.

    No look waits longer than a second for a dead server, and a server that is known to be dead
    is not asked again.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._identities = mounts.FilesystemIdentities(host)
        self._statuses: dict[str, FilesystemStatus] = {}
        self._database: BlockDatabase | None = None
        self._recorded_devices: dict[str, BlockDevice] | None = None
        self._listening: frozenset[str] | None = None
        try:
            self._mounts = mounts.read_mounts(host)
        except (OSError, ValueError) as error:
            host.warn(str(error))
            self._mounts = []
        self._waiting = [entry for entry in self._mounts if entry.may_hang]

    def describe(self, path: str, *, hash_content: bool = False) -> HostPath:
        """Return what the path is; `error` says why it could not be looked at.

        `hash_content` asks for the SHA-256 of a file up to 64 MiB. In a recording `exists` and
        all that stat tells is absent; file system and device come from the recorded tables.
        """
        if not path.startswith("/") or "\0" in path or len(path) >= _MAXIMUM_PATH_CHARACTERS:
            return HostPath(path=path, error="not an absolute path")
        if not self._host.is_live:
            return self._describe_recorded(path)
        try:
            real_path = resolve(path, self._fail_if_hung)
            seen = self._bounded(real_path, _DEADLINE_SECONDS, lambda: _look(real_path))
            answer = self._describe_seen(path, real_path, seen)
            if hash_content and answer.kind == "file":
                content = self._bounded(
                    real_path, _HASH_DEADLINE_SECONDS, lambda: CONTENT_HASHES.sha256(real_path)
                )
                answer.MergeFrom(HostPath(sha256=content))
        except OSError as error:
            return HostPath(path=path, error=error.strerror or str(error))
        except UnicodeEncodeError:
            return HostPath(path=path, error="a symbolic link leads to a name that is no text")
        return answer

    def _bounded(self, path: str, seconds: float, question: Callable[[], Answer]) -> Answer:
        # Elsewhere nothing can hang, and a thread costs more than the look.
        if not any(_holds(entry, path) for entry in self._waiting):
            return question()
        return HANG_GUARD.ask(path.rpartition("/")[0], seconds, question)

    def _fail_if_hung(self, path: str) -> None:
        for entry in self._waiting:
            if _holds(entry, path) and self._status(entry).hung:
                raise TimeoutError(
                    f"{entry.mount_point} ({entry.type} {entry.source}) does not answer"
                )

    def _status(self, entry: MountEntry) -> FilesystemStatus:
        point = entry.mount_point
        if point not in self._statuses:
            self._statuses[point] = (
                FILESYSTEM_PROBE.ask([point])[point] if entry.may_hang else filesystem_status(point)
            )
        return self._statuses[point]

    def _describe_seen(self, path: str, real_path: str, seen: _Seen) -> HostPath:
        answer = HostPath(path=path, exists=seen.exists)
        if real_path != path:
            answer.real_path = real_path
        status = seen.status
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "")
        if kind not in ("block", "character"):
            answer.MergeFrom(HostPath(filesystem=self._filesystem(seen.path, status.st_dev)))
        if not seen.exists:
            answer.existing_parent = seen.path
            return answer
        answer.kind = kind
        answer.inode = status.st_ino
        answer.mode = stat.S_IMODE(status.st_mode)
        answer.owner_id = status.st_uid
        answer.group_id = status.st_gid
        if kind == "file":
            answer.size_bytes = status.st_size
        if kind == "socket":
            answer.MergeFrom(HostPath(listening=self._is_listening(path, real_path)))
        if kind == "block":
            number = _number(status.st_rdev)
            # Devices without a medium are no part of a snapshot.
            sectors = read_count(f"{self._host.root}/sys/dev/block/{number}/size", _MAXIMUM_SECTORS)
            if sectors is not None:
                answer.size_bytes = sectors * _SECTOR_BYTES
            answer.MergeFrom(_of_device(self._device(number)))
        return answer

    def _is_listening(self, *names: str) -> bool | None:
        if self._listening is None:
            self._listening = listening_paths(self._host)
        if not self._listening:
            return None
        if not self._listening.isdisjoint(names):
            return True
        # The program may know the directory by another name.
        last = names[0].rpartition("/")[2]
        return None if any(each.endswith(f"/{last}") for each in self._listening) else False

    def _filesystem(self, path: str, device: int) -> PathFilesystem | None:
        entry = holding_mount(self._mounts, path, _number(device))
        if entry is None:
            return None
        filesystem = self._of_mount(entry)
        status = self._status(entry)
        available, fsid = status.available_bytes, status.fsid
        filesystem.MergeFrom(PathFilesystem(fsid=fsid, available_bytes=available))
        return filesystem

    def _of_mount(self, entry: MountEntry) -> PathFilesystem:
        return PathFilesystem(
            type=entry.type,
            source=entry.source,
            mount_point=entry.mount_point,
            root=entry.root,
            uuid=self._identities.uuid(entry),
            shared=entry.shared,
            read_only=entry.read_only,
        )

    def _device(self, number: str) -> BlockDevice | None:
        name = link_name(f"{self._host.root}/sys/dev/block/{number}")
        if name is None:
            return None
        if self._database is None:
            self._database = block_database(self._host)
        return block_devices.find_block_device(self._database, str(self._host.root), name)

    def _describe_recorded(self, path: str) -> HostPath:
        answer = HostPath(path=path)
        if path.startswith("/dev/"):
            answer.MergeFrom(_of_device(self._recorded_device(path)))
            return answer
        entry = holding_mount(self._mounts, path)
        if entry is not None:
            answer.filesystem.CopyFrom(self._of_mount(entry))
        return answer

    def _recorded_device(self, path: str) -> BlockDevice | None:
        if self._recorded_devices is None:
            part = block_devices.collect(self._host)
            self._recorded_devices = {
                name: device for device in part.devices for name in device.paths
            }
        return self._recorded_devices.get(path)


def holding_mount(
    entries: list[MountEntry], path: str, device_number: str | None = None
) -> MountEntry | None:
    """Return the mount that holds a path without symbolic links; None without a mount table.

    The longest mount point wins, then the latest mount. A mount hidden below a later one is told
    by the device number, where that is known.
    """
    candidates = [entry for entry in reversed(entries) if _holds(entry, path)]
    candidates.sort(key=lambda entry: len(entry.mount_point), reverse=True)
    for entry in candidates:
        if entry.device_number == device_number:
            return entry
    # btrfs gives the files of a subvolume another number than its mount.
    return candidates[0] if candidates else None


def block_identity(device: BlockDevice) -> BlockIdentity:
    """Return what identifies a block device on any host."""
    same = {name: getattr(device, name) for name in _IDENTITY_FIELDS if device.HasField(name)}
    identity = BlockIdentity(name=device.name, **same)
    if device.HasField("iscsi"):
        identity.iscsi_target_name = device.iscsi.target_name
        identity.iscsi_lun = device.iscsi.lun
    if device.device_mapper.HasField("multipath_wwid"):
        identity.multipath_wwid = device.device_mapper.multipath_wwid
    return identity


def _of_device(device: BlockDevice | None) -> HostPath:
    if device is None:
        return HostPath()
    return HostPath(kind="block", size_bytes=device.size_bytes, block=block_identity(device))


def _look(path: str) -> _Seen:
    try:
        return _Seen(path, os.stat(path), exists=True)  # noqa: PTH116 -- Path costs more
    except (FileNotFoundError, NotADirectoryError):
        parent = path.rpartition("/")[0] or "/"
        above = _look(parent)
        if above.exists and not stat.S_ISDIR(above.status.st_mode):
            above = _look(parent.rpartition("/")[0] or "/")
        return _Seen(above.path, above.status, exists=False)


def _holds(entry: MountEntry, path: str) -> bool:
    point = entry.mount_point.rstrip("/")
    return path.startswith(point) and path[len(point) : len(point) + 1] in ("", "/")


def _number(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"
