"""Who QEMU runs as on this host."""

import grp
import os
import pwd
import re
from dataclasses import dataclass

from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.kernel_files.host_files import read_text
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.storage.hang_guard import HANG_GUARD
from vmfit_agent.virtualization.capabilities_xml import parse_capabilities
from vmfit_agent.virtualization.libvirt_conf import parse_conf
from vmfit_agent.xml_document import MalformedXml

_LIBVIRT_SECONDS = 0.5
"""A libvirt that takes longer is not waited for: its configuration tells nearly the same."""
_LABEL = re.compile(r"\+(\d{1,10}):\+(\d{1,10})")
# What distributions build libvirt with: Debian and Arch; Fedora and SUSE.
_USUAL_USERS = ("libvirt-qemu", "qemu")


@dataclass(frozen=True, slots=True)
class QemuUser:
    """The identity that libvirt gives QEMU."""

    name: str
    user_id: int
    group_id: int
    groups: tuple[int, ...]
    """All groups, the first one among them."""
    owns_images: bool
    """libvirt gives a guest's images to this user (dynamic_ownership)."""


def qemu_user(host: Host) -> QemuUser:
    """Return the user of libvirt's own label, else of qemu.conf, else the distribution's usual one.

    Raises Unanswerable when none of them names one. Source: virConnectGetCapabilities,
    host/secmodel "dac"; /etc/libvirt/qemu.conf; passwd.
    """
    conf = parse_conf(read_text(host, "etc/libvirt/qemu.conf", limit=1 << 20) or "")
    try:
        label = HANG_GUARD.ask("libvirt's label", _LIBVIRT_SECONDS, lambda: _label(host))
    except TimeoutError:
        label = None
    user_id, group_id = label or _configured(conf.get("user"), conf.get("group"))
    try:
        name = pwd.getpwuid(user_id).pw_name
        groups = tuple(os.getgrouplist(name, group_id))
    except KeyError:
        name, groups = f"+{user_id}", (group_id,)
    return QemuUser(name, user_id, group_id, groups, conf.get("dynamic_ownership") != "0")


def _label(host: Host) -> tuple[int, int] | None:
    for uri in host.libvirt.uris:
        if not uri.startswith("qemu"):
            continue
        try:
            models = parse_capabilities(host.libvirt.connect(uri).capabilities()).security_models
        except (LibvirtUnavailable, MalformedXml):
            continue
        for model in models:
            labels = [model.base_labels.get(kind, "") for kind in ("kvm", "qemu")]
            found = next(filter(None, map(_LABEL.fullmatch, labels)), None)
            if model.model == "dac" and found:
                return int(found[1]), int(found[2])
    return None


def _configured(user: str | None, group: str | None) -> tuple[int, int]:
    for name in (user,) if user else _USUAL_USERS:
        entry = _passwd(name)
        if entry is not None:
            return entry.pw_uid, _group_id(group, entry.pw_gid)
    if user and user.lstrip("+").isdecimal():
        return int(user.lstrip("+")), _group_id(group, 0)
    raise Unanswerable("which user QEMU runs as is not known: libvirt, qemu.conf and passwd")


def _passwd(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _group_id(name: str | None, default: int) -> int:
    if not name:
        return default
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        pass
    if name.lstrip("+").isdecimal():
        return int(name.lstrip("+"))
    raise Unanswerable(f"qemu.conf: no group {name[:100]!r}")
