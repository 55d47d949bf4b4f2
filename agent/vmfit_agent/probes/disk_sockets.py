"""Which unix sockets of this host a network disk's server may be asked at."""

import os
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from vmfit.v1.vm_pb2 import StorageSource, Vm
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.probes.network_rules import NotAllowed
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.probes.waiting_mount import look
from vmfit_agent.storage.hang_guard import HANG_GUARD
from vmfit_agent.unusable_definition import UnusableDefinition

_RUN = "/run/"
_USUAL = re.compile(r"/run/(?:libvirt/|qemu).+")
# What libvirt's daemons and QEMU's helpers listen at.
_OF_LIBVIRT = re.compile(
    r"/run/libvirt/(?:[^/]*-sock[^/]*|(?:ch|common|hostdevmgr|interface|lockd|lxc|network|nodedev|"
    r"nwfilter|qemu|secrets|storage|vbox|xen)/.*)"
)


def is_by_socket(source: StorageSource) -> bool:
    """Return whether a disk's server is reached by a unix socket."""
    return any(host.transport == "unix" for host in source.hosts)


def disk_at_socket(source: StorageSource, terms: Terms) -> StorageSource:
    """Return the disk with its socket's real path.

    Below /run/libvirt, /run/qemu* and configured directories, apart from the sockets of libvirt
    itself, any socket will do, elsewhere those that a domain of this host has its disk at. That
    nothing is there is is_hidden below /run and the configured directories. Raises NotAllowed, and
    TimeoutError on a mount that hangs.
    """
    if len(source.hosts) > 1:
        raise Unanswerable(f"the {source.protocol} disk has several servers, one of them a socket")
    path = source.hosts[0].socket
    real = look(terms.host, path, terms.left(), lambda: os.path.realpath(path))
    exists = look(terms.host, real, terms.left(), lambda: os.path.lexists(real))
    is_hidden = exists or not _is_below(real, (_RUN, *terms.socket_directories))
    if is_hidden and not _is_usual(real, terms.socket_directories) and not _is_used(path, terms):
        raise NotAllowed(f"the agent's probe_socket_directories does not allow {path}")
    found = StorageSource()
    found.CopyFrom(source)
    found.hosts[0].socket = real
    return found


def _is_usual(path: str, configured: Sequence[str]) -> bool:
    if _OF_LIBVIRT.fullmatch(path):
        return False
    return _USUAL.fullmatch(path) is not None or _is_below(path, configured)


def _is_below(path: str, directories: Sequence[str]) -> bool:
    return any(path.startswith(each.rstrip("/") + "/") for each in directories)


def _is_used(path: str, terms: Terms) -> bool:
    try:
        return HANG_GUARD.ask("libvirt's domains", terms.left(), lambda: _is_disk(path, terms.host))
    except TimeoutError:
        return False


def _is_disk(path: str, host: Host) -> bool:
    """Return whether a disk of a domain of this host, or an image below it, is at the socket."""
    # What reads domain XML is large, and hardly any disk is at a socket.
    from vmfit_agent.domain_xml.domain_records import vm_of_record  # noqa: PLC0415

    written = escape(path, {"'": "&apos;", '"': "&quot;"})
    for uri in host.libvirt.uris:
        try:
            records = host.libvirt.connect(uri).domains()
        except LibvirtUnavailable:
            continue
        for record in records:
            if written not in record.xml:
                continue
            try:
                vm = vm_of_record(record)
            except UnusableDefinition:
                continue
            if path in _sockets(vm):
                return True
    return False


def _sockets(vm: Vm) -> set[str]:
    sources = (
        source for disk in vm.disks for source in (disk.source, disk.mirror, *disk.backing_chain)
    )
    return {host.socket for source in sources for host in source.hosts if host.socket}
