"""Programs that libvirt starts beside QEMU for what a guest has."""

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import is_regular_file

_NAMES = ("dbus-daemon", "numad", "passt", "qemu-pr-helper", "vhost-user-gpu", "virtiofsd")
_DIRECTORIES = (
    "usr/bin", "usr/libexec", "usr/lib/qemu", "usr/lib", "usr/sbin",
    "usr/local/bin", "usr/local/libexec", "usr/local/sbin",
)  # fmt: skip


def helper_programs(host: Host) -> list[str]:
    """Return the names of those that are installed, sorted.

    Source: libvirt's qemu driver; where distributions install them.
    """
    return [
        name
        for name in _NAMES
        if any(is_regular_file(host, f"{directory}/{name}") for directory in _DIRECTORIES)
    ]
