"""Reads the certificates by which libvirt and QEMU prove who they are."""

import os
from collections.abc import Mapping

from vmfit.v1.host_pb2 import Certificate
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import exists, is_regular_file, read_text
from vmfit_agent.virtualization.libvirt_conf import parse_conf

_MAXIMUM_BYTES = 256 << 10
_CONF_BYTES = 1 << 20

# Certificate and the key that must lie beside it; authorities need none here.
_LIBVIRT = (
    ("ca_file", "/etc/pki/CA/cacert.pem", None, None),
    ("cert_file", "/etc/pki/libvirt/servercert.pem", "key_file",
     "/etc/pki/libvirt/private/serverkey.pem"),
    (None, "/etc/pki/libvirt/clientcert.pem", None, "/etc/pki/libvirt/private/clientkey.pem"),
)  # fmt: skip
_QEMU = (
    ("ca-cert.pem", None),
    ("server-cert.pem", "server-key.pem"),
    ("client-cert.pem", "client-key.pem"),
)
_COMMON = "/etc/pki/qemu"
_QEMU_DIRECTORIES = {
    "default_tls_x509_cert_dir": _COMMON,
    "migrate_tls_x509_cert_dir": "/etc/pki/libvirt-migrate",
    "vnc_tls_x509_cert_dir": "/etc/pki/libvirt-vnc",
    "spice_tls_x509_cert_dir": "/etc/pki/libvirt-spice",
    "chardev_tls_x509_cert_dir": "/etc/pki/libvirt-chardev",
    "nbd_tls_x509_cert_dir": "/etc/pki/libvirt-nbd",
    "backup_tls_x509_cert_dir": "/etc/pki/libvirt-backup",
}


def read_certificates(
    host: Host, qemu_conf: Mapping[str, str], libvirtd_conf: Mapping[str, str]
) -> list[Certificate]:
    """Return the certificates that exist where the configuration says, sorted by path.

    Source: libvirt's tlscerts.html; qemu.conf, libvirtd.conf.
    """
    places: dict[str, str | None] = {}
    for setting, path, key_setting, key in _LIBVIRT:
        chosen = libvirtd_conf.get(setting or "") or path
        places[chosen] = libvirtd_conf.get(key_setting or "") or key
    for setting in _QEMU_DIRECTORIES:
        directory = _directory(qemu_conf, setting)
        for name, key_name in _QEMU:
            places.setdefault(
                f"{directory}/{name}", f"{directory}/{key_name}" if key_name else None
            )
    return [
        _certificate(host, path, key)
        for path, key in sorted(places.items())
        if _is_there(host, path)
    ]


def own_directories(host: Host) -> list[str]:
    """Return which of the places for one kind of connection alone are directories, in order.

    libvirt prefers one that exists to /etc/pki/qemu, even when it is empty.
    """
    places = sorted(set(_QEMU_DIRECTORIES.values()) - {_COMMON})
    return [place for place in places if (host.root / place[1:]).is_dir()]


def qemu_keys(host: Host) -> frozenset[str]:
    """Return the paths where QEMU's keys are looked for, whether they are there or not."""
    conf = parse_conf(read_text(host, "etc/libvirt/qemu.conf", limit=_CONF_BYTES) or "")
    return frozenset(
        f"{_directory(conf, setting)}/{key}"
        for setting in _QEMU_DIRECTORIES
        for _, key in _QEMU
        if key
    )


def _directory(qemu_conf: Mapping[str, str], setting: str) -> str:
    return (qemu_conf.get(setting) or _QEMU_DIRECTORIES[setting]).rstrip("/")


def _is_there(host: Host, path: str) -> bool:
    return path.startswith("/") and exists(host, path[1:])


def _certificate(host: Host, path: str, key: str | None) -> Certificate:
    # Most hosts have no certificates, and the hash library takes its time to load.
    from vmfit_contract.x509 import parse_pem  # noqa: PLC0415

    certificate = Certificate(path=path)
    present = _key_present(host, key) if key is not None else None
    if present is not None:
        certificate.key_present = present
    try:
        parsed, *more = parse_pem(_read(host, path))
    except (OSError, ValueError) as error:
        certificate.error = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return certificate
    certificate.subject = parsed.subject
    certificate.issuer = parsed.issuer
    certificate.names.extend(parsed.names)
    certificate.not_before.FromDatetime(parsed.not_before)
    certificate.not_after.FromDatetime(parsed.not_after)
    certificate.fingerprint = parsed.fingerprint
    certificate.more_subjects.extend(each.subject for each in more)
    return certificate


# Keys lie where only root may look, and no recording holds them.
def _key_present(host: Host, path: str) -> bool | None:
    try:
        (host.root / path.lstrip("/")).stat()
    except FileNotFoundError:
        return False if host.is_live else None
    except OSError:
        return None
    return True


def _read(host: Host, path: str) -> bytes:
    if not is_regular_file(host, path[1:]):
        raise ValueError("not a regular file")
    descriptor = os.open(f"{host.root}{path}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(descriptor, _MAXIMUM_BYTES)
    finally:
        os.close(descriptor)
