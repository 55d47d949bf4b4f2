"""Is a file on one host the very file that a path names on the other?"""

from dataclasses import dataclass

from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.storage_pb2 import Mount
from vmfit.v1.vm_pb2 import HostPath, PathFilesystem, StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.host_paths import (
    LOCAL_TYPES,
    destination_filesystem,
    destination_mount,
    filesystem_family,
    source_filesystem,
    source_mount,
)

# Inode numbers of these file systems are the same on every host.
_COMMON_INODES = ("nfs", "ceph", "gfs2", "ocfs2", "gpfs", "lustre", "afs", "fuse.glusterfs")


@dataclass(frozen=True, slots=True)
class _File:
    """A file as one host sees it."""

    source: StorageSource
    filesystem: PathFilesystem
    mount: Mount | None

    @property
    def path(self) -> HostPath:
        return self.source.path

    @property
    def relative_path(self) -> str:
        """The path below the root of what was mounted."""
        path = self.path.real_path or self.path.path
        inside = path.removeprefix(self.filesystem.mount_point.rstrip("/"))
        return self.filesystem.root.rstrip("/") + inside

    @property
    def text(self) -> str:
        return f"{self.filesystem.type} {self.filesystem.source}"


def same_file(here: StorageSource, there: StorageSource, case: Case, *, read_only: bool) -> Result:
    """Compare a file of the source with what the destination has at the incoming path.

    A network or cluster file system is recognised by server and export, UUID or fsid, the file in
    it by inode and size. A local file system is one kernel's alone: a file there is another one,
    unless both hosts run on one kernel (namespaces, containers) and the inodes agree, or one host
    exports it to the other. Of what nobody writes, another file may be a copy as good.
    """
    below_here = source_filesystem(here.path, case)
    below_there = destination_filesystem(there.path, case)
    if below_here is None or below_there is None:
        side = "vm" if below_here is None else "incoming"
        return no_idea(
            f"it is not known which file system holds {here.path.path}",
            missing=[f"{side}.disks.source.path.filesystem"],
        )
    one = _File(here, below_here, source_mount(_real(here.path), case))
    other = _File(there, below_there, destination_mount(_real(there.path), case))
    same = _by_names(one, other, case)
    if read_only and same.answer in (Answer.ANSWER_NO, Answer.ANSWER_PROBABLY_NO):
        return _own_copy(one, other)
    return same


def _by_names(one: _File, other: _File, case: Case) -> Result:
    if same_kernel(case) is True:
        return _on_one_kernel(one, other)
    local = [below_is_local(file.filesystem) for file in (one, other)]
    if all(local):
        return _local(one, other, case)
    if any(local):
        # One of the hosts may be the server that exports its own disk: it has the same inodes.
        return _by_inode(one, other, f"on {one.text} here, on {other.text} there")
    return _shared(one, other)


def _own_copy(one: _File, other: _File) -> Result:
    size = _size_difference(one, other)
    if size:
        return no(f"another file of the same name: {size}")
    return probably_yes(
        f"each host has a copy of its own ({one.text} here, {other.text} there), and only the "
        "sizes were compared",
        probability=0.8,
    )


def below_is_local(filesystem: PathFilesystem) -> bool:
    """Tell whether one kernel alone may mount this file system writable."""
    return filesystem.type in LOCAL_TYPES


@reads("source.identity.boot_id", "destination.identity.boot_id")
def same_kernel(case: Case) -> bool | None:
    """Tell whether both hosts run on one kernel; None when that is not known."""
    one, other = case.source.identity, case.destination.identity
    if one.boot_id and other.boot_id:
        return one.boot_id == other.boot_id
    return None


def _on_one_kernel(one: _File, other: _File) -> Result:
    """Both hosts share a kernel: device number or identity, and the inode, tell."""
    seen = f"{one.path.path} lies on {one.text} here, {other.path.path} on {other.text} there"
    if filesystem_family(one.filesystem.type) != filesystem_family(other.filesystem.type):
        return _by_inode(one, other, seen)
    same = _same_content(one.filesystem, other.filesystem)
    if same is not True and _other_number(one, other):
        return no(f"{seen}: another file system")
    if not (one.path.inode and other.path.inode):
        missing = ["incoming.disks.source.path.inode"]
        return no_idea(f"the inode of {other.path.path} is not known", missing=missing)
    if one.path.inode != other.path.inode:
        return no(_other_inode(one, other))
    anonymous = below_is_local(one.filesystem) and not one.filesystem.source.startswith("/dev/")
    by_source = one.filesystem.source == other.filesystem.source and not anonymous
    by_number = anonymous and bool(_device_number(one)) and bool(_device_number(other))
    if same or by_source or by_number:
        return yes(
            f"inode {one.path.inode} of {one.text} on both hosts, which share one kernel",
            evidence=_evidence(one, other),
        )
    return probably_no(seen)


def _other_number(one: _File, other: _File) -> bool:
    """Tell whether device numbers prove two file systems."""
    numbers = [_device_number(file) for file in (one, other)]
    if not all(numbers) or numbers[0] == numbers[1]:
        return False
    # A network or FUSE file system has a number for each mount of it.
    return below_is_local(one.filesystem) or not any(n.startswith("0:") for n in numbers)


def _device_number(file: _File) -> str:
    return file.mount.device_number if file.mount is not None else ""


def _real(path: HostPath) -> str:
    return path.real_path or path.path


def _same_content(one: PathFilesystem, other: PathFilesystem) -> bool | None:
    """Compare UUIDs, then fsids where they come from the file system itself; None if unknown."""
    if one.uuid and other.uuid:
        return one.uuid == other.uuid
    if one.fsid and other.fsid and int(one.fsid or "0", 16) and one.type == other.type:
        return one.fsid == other.fsid
    return None


def _local(one: _File, other: _File, case: Case) -> Result:
    size = _size_difference(one, other)
    seen = f"{one.path.path} lies on {one.text} here, on {other.text} there"
    different = _same_content(one.filesystem, other.filesystem) is False
    known_apart = different or same_kernel(case) is not None
    if known_apart or size:
        return no(f"{seen}, each a file system of that host alone: another file of the same name")
    if not (one.path.inode and other.path.inode):
        return probably_no(f"{seen}: most likely two files of the same name")
    if one.path.inode != other.path.inode:
        return no(_other_inode(one, other))
    if _same_content(one.filesystem, other.filesystem):
        return probably_yes(
            f"the same inode {one.path.inode} in the same file system "
            f"{one.filesystem.uuid or one.filesystem.fsid}, as if both hosts were one machine",
            probability=0.8,
            evidence=_evidence(one, other),
        )
    return probably_no(f"{seen}: most likely two files of the same name")


def _shared(one: _File, other: _File) -> Result:
    families = [filesystem_family(file.filesystem.type) for file in (one, other)]
    if families[0] != families[1]:
        return _by_inode(one, other, f"{one.text} here, {other.text} there")
    same = _same_content(one.filesystem, other.filesystem)
    proven = one.filesystem.source == other.filesystem.source and ":" in one.filesystem.source
    if proven or (same and families[0] not in ("nfs", "cifs")):
        return _inside(one, other, families[0])
    exports = [_server_and_export(file) for file in (one, other)]
    if exports[0] and exports[0] == exports[1]:
        return _inside(one, other, families[0])
    if same is False and families[0] in ("gfs2", "ocfs2", "ceph"):
        return no(f"{one.text} here, {other.text} there: another {families[0]} file system")
    return _by_inode(
        one,
        other,
        f"mounted from {one.filesystem.source} here, from {other.filesystem.source} there",
    )


def _server_and_export(file: _File) -> tuple[str, str] | None:
    """Return the server's address and the export; None when the mount does not tell."""
    mount = file.mount
    if mount is None or not mount.export:
        return None
    address = next((o[5:] for o in mount.options if o.startswith("addr=")), "")
    return (address, mount.export) if address else None


def _inside(one: _File, other: _File, family: str) -> Result:
    """Judge a file within what is known to be one file system."""
    where = f"on {one.text} on both hosts"
    inodes = (one.path.inode, other.path.inode)
    if all(inodes) and inodes[0] != inodes[1] and family in _COMMON_INODES:
        return no(_other_inode(one, other))
    size = _size_difference(one, other)
    if size:
        return probably_no(f"{where}, but {size}")
    if all(inodes) and inodes[0] == inodes[1]:
        return yes(f"inode {inodes[0]} {where}", evidence=_evidence(one, other))
    if one.relative_path == other.relative_path:
        return probably_yes(f"{one.relative_path} {where}; the inodes were not compared")
    return probably_no(
        f"{where}, but {one.relative_path} here and {other.relative_path} there", probability=0.2
    )


def _by_inode(one: _File, other: _File, seen: str) -> Result:
    """Judge files of file systems that go by different names."""
    inodes = (one.path.inode, other.path.inode)
    if not all(inodes):
        return no_idea(
            f"{seen}: it is not known whether that is the same",
            missing=["vm.disks.source.path.inode", "incoming.disks.source.path.inode"],
        )
    size = _size_difference(one, other)
    if inodes[0] != inodes[1] or size:
        return no(f"{seen}, and {size or _other_inode(one, other)}")
    return probably_yes(
        f"{seen}, with the same inode {inodes[0]} and the same size",
        probability=0.85,
        evidence=_evidence(one, other),
    )


def _other_inode(one: _File, other: _File) -> str:
    return (
        f"{other.path.path} on the destination is another file: "
        f"inode {one.path.inode} here, {other.path.inode} there"
    )


def _size_difference(one: _File, other: _File) -> str:
    """Return what differs in size; empty when nothing does. Growing formats keep virtual sizes."""
    virtual = [file.source.virtual_size_bytes for file in (one, other)]
    if all(virtual):
        return "" if virtual[0] == virtual[1] else f"{virtual[0]} bytes here, {virtual[1]} there"
    lengths = [file.path.size_bytes for file in (one, other)]
    if one.source.format == "raw" and all(lengths) and lengths[0] != lengths[1]:
        return f"{lengths[0]} bytes here, {lengths[1]} there"
    return ""


def _evidence(one: _File, other: _File) -> dict[str, str]:
    return {
        f"{side}.{name}": value
        for side, file in (("source", one), ("destination", other))
        for name, value in (
            ("path", file.path.path),
            ("file system", file.text),
            ("inode", str(file.path.inode)),
        )
    }
