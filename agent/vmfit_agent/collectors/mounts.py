"""What is mounted, from which device or server, and how much room is left."""

import os
import stat
from collections.abc import Iterable, Sequence

from vmfit.v1.storage_pb2 import Mount, Mounts
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text
from vmfit_agent.kernel_files.sysfs import link_name
from vmfit_agent.storage.filesystem_status import (
    FILESYSTEM_PROBE,
    FilesystemStatus,
    filesystem_status,
)
from vmfit_agent.storage.mount_table import OWN_TABLE, mount_table
from vmfit_agent.storage.mountinfo import MountEntry, export_of, parse_mountinfo
from vmfit_agent.storage.udev import BlockDatabase, block_database

FILES = (
    OWN_TABLE,
    "run/udev/data/b*",
    "sys/class/block/*/dev",
    "sys/class/block/*/uevent",
    "sys/dev/block/*",
)


def collect(host: Host) -> Mounts:
    """Return the mounts of the host's first process, in the kernel's order.

    Sizes are in bytes; absent for file systems without blocks, in a recording, and when the
    server does not answer (then `hung`). Takes at most a second, however many servers are dead.
    Raises OSError without a mount table, ValueError when it is malformed.
    Source: /proc/1/mountinfo, or /proc/self/mountinfo (mount_table); statvfs(3), udev's database.
    """
    entries = read_mounts(host)
    statuses = _statuses(_in_reach(host, entries)) if host.is_live else {}
    identities = FilesystemIdentities(host)
    return Mounts(
        mounts=[_mount(host, entry, statuses.get(entry.mount_id), identities) for entry in entries]
    )


def read_mounts(host: Host) -> list[MountEntry]:
    """Return the mount table. Raises OSError when there is none, ValueError when malformed."""
    path = mount_table(host.root) if host.is_live else OWN_TABLE
    text = read_text(host, path)
    if text is None:
        raise FileNotFoundError(f"/{path}: cannot be read")
    return parse_mountinfo(text)


class FilesystemIdentities:
    """Finds the UUID of what a mount shows. For one collection: nothing is asked twice."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._database: BlockDatabase | None = None
        self._uuids: dict[str, str | None] = {}

    def uuid(self, entry: MountEntry) -> str | None:
        """Return the field `filesystem_uuid` of a mount; None when it has no identity."""
        export = export_of(entry)
        if export is not None:
            if entry.type == "ceph":
                # Its monitors are many, and any of them may be named.
                return export.cluster_id
            return f"{export.server}:{export.path}" if export.server else None
        number = entry.device_number
        if number.startswith("0:"):
            # btrfs and overlays of one device have a number of their own.
            if not entry.source.startswith("/dev/"):
                return None
            number = self._number_of(entry.source)
        if number not in self._uuids:
            self._uuids[number] = self._block_uuid(number)
        return self._uuids[number]

    def _number_of(self, path: str) -> str:
        if not self._host.is_live:
            name = path.rpartition("/")[2]
            return (read_text(self._host, f"sys/class/block/{name}/dev") or "").strip()
        try:
            status = os.stat(path)  # noqa: PTH116 -- cheaper than Path, and as cheap to read
        except OSError:
            return ""
        if not stat.S_ISBLK(status.st_mode):
            return ""
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"

    def _block_uuid(self, number: str) -> str | None:
        name = link_name(f"{self._host.root}/sys/dev/block/{number}") if number else None
        if name is None:
            return None
        if self._database is None:
            self._database = block_database(self._host)
        found = self._database.device(name)
        return (found[1].get("ID_FS_UUID") or None) if found is not None else None


def _in_reach(host: Host, entries: Sequence[MountEntry]) -> Sequence[MountEntry]:
    """Leave out mounts in whose place this process sees something else, by systemd's doing."""
    if mount_table(host.root) == OWN_TABLE:
        return entries
    own = parse_mountinfo(read_text(host, OWN_TABLE) or "")
    seen = {entry.mount_point: entry.device_number for entry in own}
    return [each for each in entries if seen.get(each.mount_point) == each.device_number]


def _statuses(entries: Iterable[MountEntry]) -> dict[int, FilesystemStatus]:
    # A later mount hides an earlier one at the same place, and only the later can be asked.
    visible = {entry.mount_point: entry for entry in entries}.values()
    # Asking an automount point would mount it.
    asked = [entry for entry in visible if entry.type != "autofs"]
    waiting = FILESYSTEM_PROBE.ask(entry.mount_point for entry in asked if entry.may_hang)
    return {
        entry.mount_id: waiting.get(entry.mount_point) or filesystem_status(entry.mount_point)
        for entry in asked
    }


def _mount(
    host: Host,
    entry: MountEntry,
    status: FilesystemStatus | None,
    identities: FilesystemIdentities,
) -> Mount:
    export = export_of(entry)
    if status is not None and status.error:
        host.warn(f"{entry.mount_point}: {status.error}")
    mount = Mount(
        mount_point=entry.mount_point,
        type=entry.type,
        source=entry.source,
        root=entry.root,
        options=entry.options,
        read_only=entry.read_only,
        server=export.server if export is not None else None,
        export=export.path if export is not None else None,
        device_number=entry.device_number,
        filesystem_uuid=identities.uuid(entry),
        shared=entry.shared,
    )
    if status is not None:
        mount.MergeFrom(
            Mount(
                fsid=status.fsid,
                size_bytes=status.size_bytes,
                available_bytes=status.available_bytes,
                hung=status.hung,
            )
        )
    return mount
