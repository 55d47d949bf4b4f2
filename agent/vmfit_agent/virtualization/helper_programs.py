"""Programs that libvirt starts beside QEMU for what a guest has."""

from vmfit_agent.host import Host

_NAMES = ("dbus-daemon", "passt", "qemu-pr-helper", "vhost-user-gpu", "virtiofsd")
_DIRECTORIES = ("usr/bin", "usr/libexec", "usr/lib/qemu", "usr/lib", "usr/local/bin")


def helper_programs(host: Host) -> list[str]:
    """Return the names of those that are installed, sorted.

    Source: libvirt's qemu driver; where distributions install them.
    """
    return [
        name
        for name in _NAMES
        if any((host.root / directory / name).is_file() for directory in _DIRECTORIES)
    ]
