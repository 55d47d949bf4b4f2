"""What is mounted, from which device or server, and how much room is left."""

from collections.abc import Iterable, Sequence

from vmfit.v1.storage_pb2 import Mount, Mounts
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text
from vmfit_agent.storage.filesystem_identities import FilesystemIdentities
from vmfit_agent.storage.filesystem_status import (
    FILESYSTEM_PROBE,
    FilesystemStatus,
    filesystem_status,
)
from vmfit_agent.storage.mount_table import OWN_TABLE, mount_table, read_mounts
from vmfit_agent.storage.mountinfo import MountEntry, export_of, parse_mountinfo

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
                available_inode_count=status.available_inode_count,
                hung=status.hung,
            )
        )
    return mount
