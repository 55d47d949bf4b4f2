"""The check that a cluster of nodes makes before a live migration, in the manner of Proxmox VE.

It knows what its administrator configured, and looks no further:

- the destination is online;
- every disk's storage is there and active on the destination: the directory exists, the pool is
  active, the server's port takes a connection;
- a disk on storage that is not shared goes along only when copying was asked for, and an image in
  a CD drive never does. "Shared" is what a careful administrator would have configured: the very
  same directory on both hosts;
- nothing local is attached: host devices, host serial or parallel ports;
- no job holds the guest.

CPUs are not compared (an administrator chooses a CPU type for the cluster), nor bridges, firmware,
machine types, memory or the content of images. Names cannot clash within a cluster.
"""

import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import Any

from lab import Host

_DEFAULT_PORTS = {"nbd": "10809", "iscsi": "3260", "http": "80", "https": "443", "rbd": "6789"}


def node_check(source: Host, destination: Host, xml: str, options: Sequence[str]) -> dict[str, Any]:
    """Return {"goes": bool, "says": the reasons against}."""
    domain = ET.fromstring(xml)
    if destination.run("timeout 20 virsh -q uri", check=False).returncode:
        return {"goes": False, "says": "the node is offline"}
    copies = any(each.startswith("--copy-storage") for each in options)
    reasons = list(_local_resources(domain))
    for disk in domain.iterfind("devices/disk"):
        reasons += _disk(source, destination, disk, copies=copies)
    name = domain.findtext("name", "")
    jobs = source.run(f"virsh -q domjobinfo {shlex.quote(name)}", check=False).stdout
    blocks = source.run(f"virsh -q blockjob {shlex.quote(name)} vda", check=False).stdout
    if re.search(r"Job type:\s+(?!None)\w", jobs) or blocks.strip():
        reasons.append("the guest is locked by a job")
    return {"goes": not reasons, "says": "; ".join(reasons) or "nothing against it"}


def _local_resources(domain: ET.Element) -> Iterator[str]:
    for tag in ("hostdev", "parallel[@type='dev']", "serial[@type='dev']"):
        if domain.find(f"devices/{tag}") is not None:
            yield f"a local resource is attached: {tag.partition('[')[0]}"


def _disk(source: Host, destination: Host, disk: ET.Element, *, copies: bool) -> Iterator[str]:
    origin = disk.find("source")
    target = disk.find("target")
    name = target.get("dev") if target is not None else "?"
    if origin is None:
        return
    if disk.get("type") == "volume":
        pool = origin.get("pool", "")
        if destination.run(f"virsh -q pool-list --name | grep -qw {pool}", check=False).returncode:
            yield f"{name}: storage {pool} is not available"
    elif disk.get("type") == "network":
        yield from _server(destination, origin, name)
    elif path := origin.get("file") or origin.get("dev"):
        directory = path.rpartition("/")[0]
        here, there = (_storage(host, directory) for host in (source, destination))
        if not there or (_of_the_network(here) and not _of_the_network(there)):
            yield f"{name}: storage {directory} is not available"
        elif here != there and (disk.get("device") == "cdrom" or not copies):
            yield f"{name}: a local disk"


def _storage(host: Host, directory: str) -> str:
    """Return what tells a directory's storage: its network file system, or its own identity."""
    quoted = shlex.quote(directory)
    mount = host.run(f"findmnt -n -o FSTYPE,SOURCE -T {quoted}", check=False).stdout
    inode = host.run(f"stat -c 'directory %d:%i' {quoted}", check=False).stdout
    return mount if inode and _of_the_network(mount) else inode


def _of_the_network(storage: str) -> bool:
    return storage.startswith(("fuse.glusterfs", "nfs", "ceph", "cifs"))


def _server(destination: Host, origin: ET.Element, name: str | None) -> Iterator[str]:
    server = origin.find("host")
    if server is None or not server.get("name"):
        return
    port = server.get("port") or _DEFAULT_PORTS.get(origin.get("protocol", ""), "")
    knock = f"timeout 2 bash -c '</dev/tcp/{server.get('name')}/{port}'"
    if port and destination.run(knock, check=False).returncode:
        yield f"{name}: storage server {server.get('name')}:{port} does not answer"
