"""Confinement, FIPS and certificates."""

import re
from collections.abc import Mapping

from vmfit.v1.host_pb2 import Apparmor, Security, Selinux
from vmfit_agent.certificate_files.certificates import own_directories, read_certificates
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import (
    exists,
    list_names,
    read_text,
    read_word,
)
from vmfit_agent.virtualization.hook_scripts import read_hook_scripts
from vmfit_agent.virtualization.libvirt_conf import parse_conf
from vmfit_agent.virtualization.sasl import FILE as SASL_FILE
from vmfit_agent.virtualization.sasl import read_sasl

FILES = (
    "sys/fs/selinux/enforce",
    "sys/fs/selinux/booleans/virt_*",
    "etc/selinux/config",
    "sys/module/apparmor/parameters/enabled",
    "sys/kernel/security/apparmor/profiles",
    "proc/sys/crypto/fips_enabled",
    "etc/pki/CA/cacert.pem",
    "etc/pki/libvirt/*cert.pem",
    "etc/pki/qemu/*-cert.pem",
    "etc/pki/libvirt-*",
    "etc/pki/libvirt-*/*-cert.pem",
    "etc/libvirt/qemu.conf",
    "etc/libvirt/libvirtd.conf",
    "etc/libvirt/virtqemud.conf",
    "etc/libvirt/virtproxyd.conf",
    "etc/libvirt/hooks/*",
    "etc/libvirt/hooks/*/*",
    SASL_FILE,
)
# Of qemu.conf: what decides whether a guest starts or a migration connects.
# Settings that decide whether a guest starts, and settings that begin so.
_QEMU = (
    frozenset((
        "user", "group", "dynamic_ownership", "remember_owner", "vnc_listen", "spice_listen",
        "vnc_sasl", "stdio_handler", "namespaces", "nvram", "hugetlbfs_mount", "memory_backing_dir",
        "relaxed_acs_check", "lock_manager", "seccomp_sandbox", "bridge_helper", "pr_helper",
        "allow_disk_format_probing", "set_process_name", "deprecation_behavior",
        "capability_filters", "shared_filesystems",
    )),
    (
        "security_", "migration_", "migrate_tls_", "default_tls_", "vnc_tls", "spice_tls",
        "chardev_tls", "nbd_tls", "backup_tls", "vxhs_tls", "cgroup_", "max_", "swtpm_",
        "keepalive_", "remote_display_port_", "remote_websocket_port_",
    ),
)  # fmt: skip
_LIBVIRTD = (
    frozenset(("tcp_port", "key_file", "cert_file", "ca_file", "crl_file", "prio_workers",
               "mdns_adv")),
    ("listen_", "tls_", "auth_", "max_", "min_", "keepalive_", "unix_sock_", "admin_"),
)  # fmt: skip
# Later files win: the modular daemons replace libvirtd where they are set up.
_LIBVIRTD_FILES = ("libvirtd.conf", "virtqemud.conf", "virtproxyd.conf")
_PROFILES = re.compile(
    r"^(.*(?:libvirt|qemu|virt-aa-helper|swtpm|dnsmasq).*) \(\w+\)$", re.MULTILINE
)
_MAXIMUM_PROFILES = 2000


def collect(host: Host) -> Security:
    """Return what confines guests and proves the host's name; never a key or a password.

    Source: /sys/fs/selinux, /sys/kernel/security/apparmor, /etc/libvirt, /etc/pki.
    """
    qemu = _settings(host, ("qemu.conf",), _QEMU)
    libvirtd = _settings(host, _LIBVIRTD_FILES, _LIBVIRTD)
    security = Security(
        selinux=_selinux(host),
        apparmor=_apparmor(host),
        certificates=read_certificates(host, qemu, libvirtd),
        certificate_directories=own_directories(host),
        qemu_conf=qemu,
        libvirtd_conf=libvirtd,
    )
    sasl = read_sasl(host)
    if sasl is not None:
        security.sasl.CopyFrom(sasl)
    if host.is_live:
        security.helper_sockets.log = exists(host, "run/libvirt/virtlogd-sock")
        security.helper_sockets.lock = exists(host, "run/libvirt/virtlockd-sock")
    hooks = read_hook_scripts(host)
    if hooks is None:
        security.hook_scripts_unreadable = True
    else:
        security.hook_scripts.extend(hooks)
        security.libvirt_hooks.extend(each.path for each in hooks if each.executable)
    fips = read_word(host, "proc/sys/crypto/fips_enabled")
    if fips is not None:
        security.fips_enabled = fips == "1"
    elif exists(host, "proc/sys"):
        # A kernel that was built without FIPS has no such file.
        security.fips_enabled = False
    return security


def _selinux(host: Host) -> Selinux | None:
    enforcing = read_word(host, "sys/fs/selinux/enforce")
    if enforcing is None:
        return None
    selinux = Selinux(enforcing=enforcing == "1")
    policy = re.search(
        r"^SELINUXTYPE=(\S+)", read_text(host, "etc/selinux/config") or "", re.MULTILINE
    )
    if policy:
        selinux.policy_type = policy[1]
    for name in list_names(host, "sys/fs/selinux/booleans"):
        if name.startswith("virt_"):
            # The value in force and the one that is pending: "1 1".
            value = read_word(host, f"sys/fs/selinux/booleans/{name}")
            if value is not None:
                selinux.booleans[name] = value.startswith("1")
    return selinux


def _apparmor(host: Host) -> Apparmor | None:
    enabled = read_word(host, "sys/module/apparmor/parameters/enabled")
    if enabled is None:
        return None
    text = read_text(host, "sys/kernel/security/apparmor/profiles") or ""
    # One for each running guest comes and goes; they say nothing of the host.
    profiles = {name for name in _PROFILES.findall(text) if not _GUEST_PROFILE.match(name)}
    return Apparmor(enabled=enabled == "Y", profiles=sorted(profiles)[:_MAXIMUM_PROFILES])


_GUEST_PROFILE = re.compile(r"libvirt-[0-9a-f]{8}-")


def _settings(
    host: Host, names: tuple[str, ...], wanted: tuple[frozenset[str], tuple[str, ...]]
) -> Mapping[str, str]:
    whole, beginnings = wanted
    settings: dict[str, str] = {}
    for name in names:
        found = parse_conf(read_text(host, f"etc/libvirt/{name}", limit=1 << 20) or "")
        settings.update(
            {
                key: value
                for key, value in found.items()
                if key in whole or key.startswith(beginnings)
            }
        )
    return settings
