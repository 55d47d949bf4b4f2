"""Does the destination have the certificates of the guest's disks and serial ports?"""

from collections.abc import Iterator

from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.host_pb2 import Security
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, yes
from vmfit_comparator.knowledge.connections import runs_on_qemu
from vmfit_comparator.knowledge.disks import joined
from vmfit_comparator.knowledge.tls_directories import certificate_directory

_AUTHORITY, _SERVER = "ca-cert.pem", "server-cert.pem"


@fact(
    applies_if=("incoming.disks", "incoming.character_devices"),
    needs=("destination.security",),
    reads=(
        "vm.connection_uri",
        "vm.domain_type",
        "incoming.disks",
        "incoming.character_devices",
    ),
)
def device_tls(case: Case) -> Result:
    """Look for the certificates of every NBD disk and character device that is encrypted.

    QEMU does not start without the authority's certificate, nor one that listens without its own
    and the key: NO. Whether peers trust each other is not compared. Displays have a fact of their
    own.

    Source: qemu.conf, *_tls_x509_cert_dir; QEMU's tls-creds-x509.
    """
    security = case.destination.security
    uses = _uses(case) if runs_on_qemu(case.vm) else ()
    return joined(
        {device: _certificates(kind, names, security) for device, kind, names in uses},
        "does not apply: no device of the guest's is encrypted there",
    )


def _uses(case: Case) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield what is encrypted, whose directory it looks in, and which files it needs."""
    for disk in case.incoming.disks:
        if disk.source.protocol == "nbd" and disk.source.tls:
            yield disk.target, "nbd", (_AUTHORITY,)
    for number, device in enumerate(case.incoming.character_devices):
        if device.type == "tcp" and device.tls:
            names = (_AUTHORITY, _SERVER) if device.mode == "bind" else (_AUTHORITY,)
            yield f"{device.kind} {number}", "chardev", names


def _certificates(kind: str, names: tuple[str, ...], security: Security) -> Result:
    directory = certificate_directory(kind, security)
    there = {each.path: each for each in security.certificates}
    for name in names:
        path = f"{directory}/{name}"
        if path not in there:
            return no(f"{path} is missing", remedies=[_install(path)])
        found = there[path]
        if name != _AUTHORITY and found.HasField("key_present") and not found.key_present:
            return no(f"the private key of {path} is missing", remedies=[_install(path)])
    return yes(f"{directory} has {' and '.join(names)}")


def _install(path: str) -> Remedy:
    return provide_storage(f"Install {path} with its key on the destination", path)
