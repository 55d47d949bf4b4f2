"""The running kernel, its parameters and limits."""

import re

from vmfit.v1.host_pb2 import Kernel, KernelModule
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import exists, list_names, read_text, read_word
from vmfit_agent.kernel_files.kernel_limits import read_limits
from vmfit_agent.processors import kvm
from vmfit_agent.redaction.parameters import redact_parameters
from vmfit_agent.redaction.secret_names import BLANK, is_secret_name

_DEVICES = (
    "kvm", "vhost-net", "vhost-vsock", "net/tun", "vfio/vfio", "sev", "mshv", "fuse", "hpet",
    "tpm0", "tpmrm0",
)  # fmt: skip
# Patterns, as of a shell, with nothing but a star at the end.
_MODULES = (
    "kvm*", "vhost*", "vfio*", "tun", "tap", "macvtap", "macvlan", "irqbypass", "mdev", "ccp",
    "bridge", "br_netfilter", "openvswitch", "nbd", "rbd", "libceph", "ceph", "nfs", "nfsv4",
    "fuse", "virtiofs", "9p*", "gfs2", "ocfs2", "drbd", "dm_*", "iscsi_tcp", "ib_iser", "tpm*",
)  # fmt: skip
FILES = (
    "proc/sys/kernel/osrelease",
    "proc/sys/kernel/version",
    "proc/version",
    "proc/cmdline",
    "proc/modules",
    "proc/*/comm",
    "proc/*/limits",
    "proc/*/status",
    "proc/*/cgroup",
    "proc/sys/fs/aio-max-nr",
    "proc/sys/fs/aio-nr",
    "proc/sys/fs/file-max",
    "proc/sys/fs/file-nr",
    "proc/sys/kernel/pid_max",
    "proc/sys/kernel/threads-max",
    "proc/sys/vm/max_map_count",
    "run/libvirtd.pid",
    "run/virtqemud.pid",
    *(
        f"sys/module/{name}{below}"
        for name in _MODULES
        # The directory itself tells of a module that is built in and has no parameters.
        for below in ("", "/parameters/*")
    ),
    *(f"dev/{name}" for name in _DEVICES),
)
_MODULE_PREFIXES = tuple(name[:-1] for name in _MODULES if name.endswith("*"))
_MAXIMUM_PARAMETERS = 256


def collect(host: Host) -> Kernel:
    """Return the kernel; secrets on its command line and among parameters are "***".

    Source: /proc/sys/kernel, /proc/cmdline, /proc/modules, /sys/module.
    """
    kernel = Kernel(
        release=_release(host),
        version=read_word(host, "proc/sys/kernel/version") or "",
        command_line=redact_parameters(read_text(host, "proc/cmdline", limit=65536) or ""),
        modules=_modules(host),
        limits=read_limits(host),
        device_nodes=[name for name in _DEVICES if exists(host, f"dev/{name}")],
    )
    if host.is_live:
        usable = kvm.is_usable("/dev/kvm")
        if usable is None:
            host.warn("/dev/kvm: Permission denied: whether KVM works is not known")
        else:
            kernel.kvm_usable = usable
    return kernel


def _release(host: Host) -> str:
    release = read_word(host, "proc/sys/kernel/osrelease")
    if release is None:
        found = re.match(r"Linux version (\S+)", read_text(host, "proc/version") or "")
        release = found[1] if found else None
    if release is None:
        host.warn("/proc/sys/kernel/osrelease is missing: the kernel's release is not known")
    return release or ""


def _modules(host: Host) -> list[KernelModule]:
    loaded = re.findall(r"^(\w+) ", read_text(host, "proc/modules") or "", re.MULTILINE)
    names = {
        name
        for name in (*loaded, *list_names(host, "sys/module"))
        if name in _MODULES or name.startswith(_MODULE_PREFIXES)
    }
    return [
        KernelModule(name=name, builtin=name not in loaded, parameters=_parameters(host, name))
        for name in sorted(names)
    ]


def _parameters(host: Host, module: str) -> dict[str, str]:
    directory = f"sys/module/{module}/parameters"
    # Parameters that nobody may read are no cause for a warning.
    quiet = Host(host.root)
    values = {
        name: read_text(quiet, f"{directory}/{name}", limit=4096)
        for name in list_names(host, directory)[:_MAXIMUM_PARAMETERS]
    }
    return {
        name: BLANK if is_secret_name(name, bare_key=True) else value.strip()
        for name, value in values.items()
        if value is not None
    }
