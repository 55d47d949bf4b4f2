"""A fresh Debian that machines begin with: what an administrator has before vmfit comes.

Each release is made once by debootstrap, and kept below the user's cache directory.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

OWN = platform.freedesktop_os_release().get("VERSION_CODENAME", "bookworm")
"""This machine's release, for which `make packages` builds."""
RELEASE = os.environ.get("VMFIT_TEST_RELEASE") or "bookworm"
"""The release that is installed on."""
# An administrator's machine; the second list needs the first one's to be configured.
_SYSTEM = (
    "systemd-sysv", "udev", "dbus", "kmod", "iproute2", "iputils-ping", "procps", "ca-certificates",
    "python3", "openssh-server", "openssh-client", "bash-completion",
)  # fmt: skip
_HYPERVISOR = (
    "libvirt-daemon-system", "libvirt-clients", "libvirt-daemon-driver-qemu", "qemu-system-x86",
    "qemu-utils",
)  # fmt: skip
_APT = 'APT::Get::Assume-Yes "true";\nDpkg::Use-Pty "false";\n'
_BUILT = ("# What is installed here starts when the machine is booted.\n", "exit 101\n")


def why_not() -> str:
    """Return why no Debian can be made here; empty when one can."""
    return "" if shutil.which("debootstrap") else "debootstrap is not installed"


def base(release: str = RELEASE) -> Path:
    """Return the directory of a fresh Debian, made now if need be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vmfit"
    cache.mkdir(parents=True, exist_ok=True)
    made_of = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    target = cache / f"debian-{release}-{made_of}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            for old in cache.glob(f"debian-{release}-*"):
                shutil.rmtree(old)
            _make(release, target.with_suffix(".new"))
            target.with_suffix(".new").rename(target)
    return target


def _make(release: str, root: Path) -> None:
    _do("debootstrap", "--variant=minbase", f"--include={','.join(_SYSTEM)}", release, str(root))
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\n" + "".join(_BUILT))
    policy.chmod(0o755)
    _do("mount", "-t", "proc", "proc", str(root / "proc"))
    try:
        environment = ("env", "DEBIAN_FRONTEND=noninteractive")
        install = ("apt-get", "install", "-qq", "-y", "--no-install-recommends")
        _do("chroot", str(root), *environment, *install, *_HYPERVISOR)
    finally:
        _do("umount", str(root / "proc"))
    policy.unlink()
    (root / "etc/apt/apt.conf.d/90yes").write_text(_APT)
    for each in (root / "var/cache/apt/archives").glob("*.deb"):
        each.unlink()


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])}: {done.stdout[-1000:]}\n{done.stderr[-2000:]}")
