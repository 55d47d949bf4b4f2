"""Which machine this is."""

import re
import shlex
import socket

from vmfit.v1.host_pb2 import Identity
from vmfit_agent.bounded_call import call_within
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text, read_word
from vmfit_agent.processors.architecture import machine
from vmfit_agent.resolver_files import add_resolver
from vmfit_agent.virtualization.host_capabilities import host_capabilities

FILES = (
    "proc/sys/kernel/hostname",
    "proc/sys/kernel/arch",
    "proc/sys/kernel/random/boot_id",
    "etc/hostname",
    "etc/machine-id",
    "etc/os-release",
    "usr/lib/os-release",
    "sys/class/dmi/id/product_uuid",
    "sys/class/dmi/id/sys_vendor",
    "sys/class/dmi/id/product_name",
    "sys/class/dmi/id/bios_version",
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RESOLVER_PATIENCE_SECONDS = 2.0
# Firmware that was never given a UUID: many machines share these.
_NO_UUID = frozenset({
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
})  # fmt: skip


def collect(host: Host) -> Identity:
    """Return who the host says it is; what it does not say is absent.

    Source: /proc/sys/kernel, /etc/machine-id, /sys/class/dmi/id, getaddrinfo(3), libvirt.
    """
    identity = Identity(
        hostname=_hostname(host),
        machine_id=_machine_id(host),
        boot_id=_uuid(host, "proc/sys/kernel/random/boot_id"),
        product_uuid=_product_uuid(host),
        libvirt_host_uuid=host_capabilities(host).uuid,
        system_vendor=read_word(host, "sys/class/dmi/id/sys_vendor"),
        product_name=read_word(host, "sys/class/dmi/id/product_name"),
        bios_version=read_word(host, "sys/class/dmi/id/bios_version"),
        architecture=machine(host),
    )
    release = _os_release(host)
    for key, field in (
        ("PRETTY_NAME", "os_pretty_name"),
        ("ID", "os_id"),
        ("VERSION_ID", "os_version_id"),
    ):
        if release.get(key):
            setattr(identity, field, _unquoted(release[key]))
    if host.is_live:
        add_resolver(host, identity)
        _resolve(host, identity)
    return identity


def _hostname(host: Host) -> str:
    for path in ("proc/sys/kernel/hostname", "etc/hostname"):
        name = read_word(host, path)
        if name is not None:
            return name
    host.warn("/proc/sys/kernel/hostname is missing: the host has no name")
    return ""


def _machine_id(host: Host) -> str | None:
    word = read_word(host, "etc/machine-id")
    # "uninitialized": an image that has not booted yet.
    if word is None or re.fullmatch(r"[0-9a-f]{32}", word):
        return word
    host.warn(f"/etc/machine-id: not 32 hexadecimal digits: {word[:40]!r}")
    return None


def _uuid(host: Host, path: str) -> str | None:
    word = (read_word(host, path) or "").lower()
    if not word or _UUID.fullmatch(word):
        return word or None
    host.warn(f"/{path}: not a UUID: {word[:40]!r}")
    return None


def _product_uuid(host: Host) -> str | None:
    path = "sys/class/dmi/id/product_uuid"
    uuid = _uuid(host, path)
    if uuid in _NO_UUID:
        host.warn(f"/{path}: the firmware has a placeholder: {uuid}")
        return None
    return uuid


def _os_release(host: Host) -> dict[str, str]:
    text = read_text(host, "etc/os-release", limit=65536)
    if text is None:
        text = read_text(host, "usr/lib/os-release", limit=65536) or ""
    release = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            release[key.strip()] = value
    return release


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value.strip().strip("\"'")


def _resolve(host: Host, identity: Identity) -> None:
    name = identity.hostname
    try:
        answers = call_within(
            _RESOLVER_PATIENCE_SECONDS,
            lambda: socket.getaddrinfo(
                # As bytes: a text would load tables of Unicode for nothing.
                name.encode(),
                None,
                type=socket.SOCK_STREAM,
                flags=socket.AI_CANONNAME,
            ),
        )
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
        reason = error.strerror if isinstance(error, socket.gaierror) else error
        host.warn(f"the host's resolver has no answer for {name!r}: {reason}")
        return
    canonical = next((answer[3] for answer in answers if answer[3]), None)
    if canonical is not None:
        identity.canonical_hostname = canonical
    identity.hostname_addresses.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
