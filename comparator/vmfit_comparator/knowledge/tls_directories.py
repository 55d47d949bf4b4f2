"""Where libvirt has QEMU look for certificates."""

from vmfit.v1.host_pb2 import Security
from vmfit_comparator.evaluation.case import Case

_COMMON = "/etc/pki/qemu"


def certificate_directory(kind: str, security: Security) -> str:
    """Return the directory for "migrate", "nbd", "chardev", "vnc" or "spice", without a slash.

    That is the one that qemu.conf names for it, then its own place if such a directory exists, even
    an empty one, then qemu.conf's for all, then /etc/pki/qemu.

    Source: libvirt, qemu_conf.c (SET_TLS_X509_CERT_DEFAULT).
    """
    conf, own = security.qemu_conf, f"/etc/pki/libvirt-{kind}"
    chosen = conf.get(f"{kind}_tls_x509_cert_dir")
    if not chosen and _exists(own, security):
        chosen = own
    return (chosen or conf.get("default_tls_x509_cert_dir") or _COMMON).rstrip("/")


def _exists(directory: str, security: Security) -> bool:
    """Tell it from the list of directories, or by a certificate: older agents have no list."""
    return directory in security.certificate_directories or any(
        each.path.startswith(f"{directory}/") for each in security.certificates
    )


def server_key(case: Case) -> str:
    """Return where the destination's QEMU looks for its key; libvirt does not give it the file."""
    return f"{certificate_directory('migrate', case.destination.security)}/server-key.pem"
