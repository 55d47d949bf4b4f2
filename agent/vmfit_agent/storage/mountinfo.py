"""The mount table: parsed, stripped of secrets, with the server behind network file systems."""

import re
from typing import NamedTuple

from vmfit_agent.redaction.mount_options import (
    is_secret_option,
    redact_options,
    redact_source,
    split_options,
)

_ESCAPE = re.compile(r"\\([0-7]{3})")
_MAXIMUM_MOUNTS = 20_000
_CEPH_SOURCE = re.compile(
    r"(?P<user>[^@/=]*)@(?P<fsid>[0-9a-fA-F-]{36})?\.(?P<name>[^=/]+)=(?P<path>/.*)"
)

_NFS = ("nfs", "nfs4")
_SMB = ("cifs", "smb3", "smbfs", "smb")
_GLUSTER = ("fuse.glusterfs", "glusterfs")

# libvirt's list of the types whose images two hosts can have open: by magic number of statfs
# for those of the kernel, by name for those of FUSE (virFileIsSharedFS in src/util/virfile.c).
SHARED_TYPES = frozenset(
    (
        *_NFS,
        *_SMB,
        "gfs2",
        "ocfs2",
        "afs",
        "ceph",
        "gpfs",
        "acfs",
        "beegfs",
        "fuse.glusterfs",
        "fuse.quobyte",
    )
)
# Types whose statfs waits for another machine, or for a process that may be gone.
_WAITING_TYPES = SHARED_TYPES | frozenset(
    (
        "9p",
        "virtiofs",
        "fuse",
        "fuseblk",
        "lustre",
        "orangefs",
        "pvfs2",
        "coda",
        "glusterfs",
        "ncpfs",
        "autofs",
    )
)


class MountEntry(NamedTuple):
    """One line of mountinfo. The mount point and source are as the kernel has them, unescaped."""

    mount_id: int
    device_number: str
    root: str
    mount_point: str
    type: str
    source: str
    options: tuple[str, ...]
    """Of the mount and of the superblock, sorted, without duplicates and secrets."""
    read_only: bool

    @property
    def shared(self) -> bool:
        """Whether libvirt counts the type as shared between hosts."""
        return self.type in SHARED_TYPES

    @property
    def may_hang(self) -> bool:
        """Whether asking the file system may wait for somebody else."""
        return self.type in _WAITING_TYPES or self.type.startswith("fuse.")

    def option(self, name: str) -> str | None:
        """Return the value of a `name=value` option; None without it."""
        prefix = f"{name}="
        return next((o[len(prefix) :] for o in self.options if o.startswith(prefix)), None)


class Export(NamedTuple):
    """What of which server is mounted."""

    server: str | None
    """As mounted, without brackets; several are joined by commas."""
    path: str
    cluster_id: str | None = None
    """Ceph's fsid where the source names it."""


def parse_mountinfo(text: str) -> list[MountEntry]:
    """Return the mounts in the kernel's order.

    Raises ValueError quoting a line that is none of mountinfo's, and when there are too many.
    Source: proc(5), /proc/PID/mountinfo.
    """
    # Not splitlines(): names may hold any character but a newline.
    lines = [line for line in text.split("\n") if line]
    if len(lines) > _MAXIMUM_MOUNTS:
        raise ValueError(f"/proc/self/mountinfo: more than {_MAXIMUM_MOUNTS} mounts")
    return [_parse_line(line) for line in lines]


def _parse_line(line: str) -> MountEntry:
    fields = line.split(" ")
    try:
        dash = fields.index("-", 6)
        mount_id, device_number, root, mount_point = int(fields[0]), *fields[2:5]
        kind, source = fields[dash + 1], fields[dash + 2]
        superblock = fields[dash + 3] if len(fields) > dash + 3 else ""
    except (ValueError, IndexError):
        raise ValueError(
            f"/proc/self/mountinfo: not a mount: {redact_options(line[:120])!r}"
        ) from None
    own = fields[5].split(",")
    every = {unescape(option) for option in (*own, *split_options(superblock)) if option}
    # A read-only bind mount of a writable file system shows both words.
    read_only = "ro" in own or "ro" in superblock.split(",")
    every.discard("rw" if read_only else "ro")
    return MountEntry(
        mount_id=mount_id,
        device_number=device_number,
        root=unescape(root),
        mount_point=unescape(mount_point),
        type=unescape(kind),
        source=redact_source(unescape(source)),
        options=tuple(sorted(option for option in every if not is_secret_option(option))),
        read_only=read_only,
    )


def unescape(text: str) -> str:
    """Return a field of a mount table as the kernel has it: blanks are written in octal."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text) if "\\" in text else text


def export_of(mount: MountEntry) -> Export | None:
    """Return the server and path behind a network file system; None for local ones.

    A trailing slash is dropped, and Gluster's optional leading one: both name the same.
    """
    source = mount.source
    if mount.type in _NFS:
        return _server_and_path(source)
    if mount.type in _GLUSTER:
        export = _server_and_path(source, separator=":")
        return export and Export(export.server, export.path.lstrip("/"))
    if mount.type in _SMB:
        server, _, path = source.replace("\\", "/").lstrip("/").partition("/")
        return Export(_plain(server), path.rstrip("/")) if server and path else None
    if mount.type == "ceph":
        return _ceph_export(mount)
    if mount.type == "9p":
        tcp = mount.option("trans") in ("tcp", "rdma", "fd")
        return Export(source, mount.option("aname") or "/") if tcp else Export(None, source)
    return None


def _server_and_path(source: str, separator: str = ":/") -> Export | None:
    if source.startswith("["):
        server, bracket, path = source[1:].partition("]:")
    else:
        # An IPv6 address without brackets holds colons, but none before a slash.
        split = source.find(":/")
        split = source.find(separator) if split < 0 else split
        server, bracket, path = source[:split], source[split : split + 1], source[split + 1 :]
        if split < 0:
            return None
    return Export(_plain(server), _without_slash(path)) if server and bracket and path else None


def _ceph_export(mount: MountEntry) -> Export | None:
    named = _CEPH_SOURCE.fullmatch(mount.source)
    if named is not None:
        monitors = mount.option("mon_addr")
        server = monitors.replace("/", ",") if monitors else None
        path = f"{named['name']}:{_without_slash(named['path'])}"
        return Export(server, path, named["fsid"] or mount.option("fsid"))
    server, colon, path = mount.source.rpartition(":/")
    return Export(server, _without_slash("/" + path), mount.option("fsid")) if colon else None


def _plain(server: str) -> str:
    return server.strip("[]").rstrip(".").lower()


def _without_slash(path: str) -> str:
    return path.rstrip("/") or "/"
