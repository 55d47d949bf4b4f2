"""Completes a VM's disks: volumes become paths, images tell their size and what they rest on."""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from vmfit.v1.hypervisor_pb2 import StoragePool
from vmfit.v1.vm_pb2 import Disk, NetworkHost, StorageSource, Vm
from vmfit_agent.domain_xml.disks import MAXIMUM_CHAIN_LENGTH
from vmfit_agent.redaction.free_text import redact_place
from vmfit_agent.redaction.qemu_words import redact_words
from vmfit_agent.storage.image_file import ImageHeader

_NETWORK_POOLS = {
    "rbd": "rbd",
    "gluster": "gluster",
    "sheepdog": "sheepdog",
    "iscsi-direct": "iscsi",
}
# Pools whose volumes are called by their name below the pool's path.
_DIRECTORY_POOLS = frozenset(("dir", "fs", "netfs", "logical", "vstorage"))


def disk_sources(vm: Vm) -> Iterator[StorageSource]:
    """Yield every source of every disk: active images, backing chains, mirrors."""
    for disk in vm.disks:
        if disk.HasField("source"):
            yield disk.source
        yield from disk.backing_chain
        if disk.HasField("mirror"):
            yield disk.mirror


def resolve_volume(source: StorageSource, pools: dict[str, StoragePool]) -> None:
    """Set where a volume is on this host, from its pool; left alone when that is not known."""
    pool = pools.get(source.pool)
    if pool is None:
        return
    volume = next((item for item in pool.volumes if item.name == source.volume), None)
    path = volume.path if volume is not None else ""
    if not path and pool.type in _DIRECTORY_POOLS and pool.target_path:
        path = f"{pool.target_path}/{source.volume}"
    if volume is not None and volume.HasField("capacity_bytes"):
        source.virtual_size_bytes = volume.capacity_bytes
    if volume is not None and volume.HasField("allocation_bytes"):
        source.allocation_bytes = volume.allocation_bytes
    protocol = _NETWORK_POOLS.get(pool.type)
    if protocol is None:
        if path:
            source.path.path = path
        return
    source.protocol = protocol
    source.name = path or f"{pool.source_name}/{source.volume}"
    source.hosts.extend(NetworkHost(name=name) for name in pool.source_hosts)


class Images(Protocol):
    """Image files and devices of a host, by absolute path."""

    def header(self, path: str) -> ImageHeader | None:
        """Return an image's header, None for what cannot be read or is not told."""

    def rests_on(self, path: str, below: str) -> None:
        """Note what file an image's header names."""


def extend_backing_chain(disk: Disk, images: Images) -> None:
    """Add the images below the deepest known one, as the images' headers name them.

    A raw image rests on nothing, whatever its first bytes look like. Ends at a loop, at what
    cannot be read, and after 200 images.
    """
    seen = {source.path.path for source in (disk.source, *disk.backing_chain)}
    deepest = disk.backing_chain[-1] if disk.backing_chain else disk.source
    is_active = not disk.backing_chain
    while len(disk.backing_chain) < MAXIMUM_CHAIN_LENGTH:
        # libvirt takes an active image without a format for raw; below, it looks.
        if deepest.format == "raw" or (is_active and not deepest.format):
            return
        header = image_header(deepest, images)
        if header is None or not header.backing_file:
            return
        below = backing_source(deepest.path.path, header.backing_file, header.backing_format)
        if below.path.path and below.path.path in seen:
            return
        seen.add(below.path.path)
        images.rests_on(deepest.path.path, below.path.path)
        disk.backing_chain.append(below)
        deepest, is_active = disk.backing_chain[-1], False


def read_data_file(source: StorageSource, images: Images) -> None:
    """Set where a qcow2 image keeps its data, if its header names a file for that.

    QEMU takes a relative name from its own directory, which under libvirt is the root.
    """
    header = image_header(source, images) if source.format == "qcow2" else None
    if header is None or not header.data_file:
        return
    named = backing_source("/", header.data_file, None)
    if named.path.path:
        images.rests_on(source.path.path, named.path.path)
        source.data_file.CopyFrom(named.path)


def image_header(source: StorageSource, images: Images) -> ImageHeader | None:
    """Return the image's header, None for what is no local image or cannot be read."""
    if not source.path.path.startswith("/") or source.type not in {"file", "block", "volume"}:
        return None
    return images.header(source.path.path)


def backing_source(image: str, name: str, image_format: str | None) -> StorageSource:
    """Return what an image calls its backing file: a path, a URL, or QEMU's "json:" form.

    A relative path is relative to the image's directory.
    """
    if name.startswith("json:"):
        return _json_source(name, image_format)
    name = name.removeprefix("file:") if not name.startswith("file://") else unquote(name[7:])
    if "://" in name:
        try:
            parts = urlsplit(name)
        except ValueError:
            return StorageSource(type="network", format=image_format, name=redact_place(name))
        protocol, _, transport = parts.scheme.partition("+")
        host = NetworkHost(name=parts.hostname, port=_port(parts.netloc))
        if transport == "unix":
            host = NetworkHost(
                transport="unix", socket=parse_qs(parts.query).get("socket", [""])[0]
            )
        return StorageSource(
            type="network",
            format=image_format,
            protocol=protocol,
            name=unquote(parts.path.removeprefix("/")),
            hosts=[host],
        )
    if ":" in name.partition("/")[0]:
        name = redact_place(name)  # QEMU's own: "rbd:pool/image:key=..."
    source = StorageSource(type="file", format=image_format)
    source.path.path = str(PurePosixPath(image).parent / name)
    if source.path.path.startswith("/dev/"):
        source.type = "block"
    return source


def _json_nbd(file: dict[str, Any], image_format: str | None) -> StorageSource | None:
    """Return an NBD node as libvirt writes it; None for anything else."""
    server = file.get("server")
    if file.get("driver") != "nbd" or not isinstance(server, dict):
        return None
    fields = [file.get("export"), *(server.get(each) for each in ("path", "host", "port"))]
    export, socket, name, port = (each if isinstance(each, str) else "" for each in fields)
    if server.get("type") == "unix" and socket:
        host = NetworkHost(transport="unix", socket=socket)
    elif server.get("type") == "inet" and name:
        host = NetworkHost(name=name, port=_port(port))
    else:
        return None
    return StorageSource(
        type="network", format=image_format, protocol="nbd", name=export, hosts=[host]
    )


def _port(location: str) -> int | None:
    port = location.rpartition(":")[2]
    return int(port) if port.isdecimal() and len(port) <= 5 else None


def _json_source(name: str, image_format: str | None) -> StorageSource:
    try:
        options = json.loads(name.removeprefix("json:"))
    except (ValueError, RecursionError):
        options = None
    file = options.get("file", options) if isinstance(options, dict) else {}
    path = file.get("filename") if isinstance(file, dict) else None
    path = path or (options.get("file.filename") if isinstance(options, dict) else None)
    if isinstance(path, str) and path.startswith("/"):
        source = StorageSource(
            type="block" if path.startswith("/dev/") else "file", format=image_format
        )
        source.path.path = path
        return source
    nbd = _json_nbd(file, image_format) if isinstance(file, dict) else None
    return nbd or StorageSource(type="network", format=image_format, name=redact_words([name])[0])


def read_size(source: StorageSource, images: Images) -> None:
    """Set the virtual size and the format found: from the header, or of raw data its length."""
    if source.format in {"", "raw"} and not source.encryption_format:
        if source.path.kind in {"file", "block"} and source.path.HasField("size_bytes"):
            source.virtual_size_bytes = source.path.size_bytes
        return
    header = image_header(source, images)
    if header is None:
        return
    source.header_format = header.format
    if header.format != "raw":
        source.encrypted = header.encryption_format is not None
    if header.corrupt is not None:
        source.corrupt = header.corrupt
    if header.format not in (source.format, source.encryption_format):
        return
    if header.virtual_size_bytes is not None:
        source.virtual_size_bytes = header.virtual_size_bytes
    if header.encryption_format and not source.encryption_format:
        source.encryption_format = header.encryption_format
