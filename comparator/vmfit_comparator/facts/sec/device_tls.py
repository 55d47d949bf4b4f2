"""Does the destination have the certificates of the guest's disks and serial ports?"""

from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.host_pb2 import Security
from vmfit.v1.vm_pb2 import CharacterDevice, Disk
from vmfit_comparator.evaluation.applicability import QEMU
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, yes
from vmfit_comparator.knowledge.devices import character_devices
from vmfit_comparator.knowledge.disk_kinds import incoming_disks
from vmfit_comparator.knowledge.tls_directories import certificate_directory

_AUTHORITY, _SERVER = "ca-cert.pem", "server-cert.pem"


@fact(
    each=(incoming_disks, character_devices),
    hypervisors=QEMU,
    needs="destination.security",
    reads=(
        *("destination.security.qemu_conf", "destination.security.certificates"),
        "destination.security.certificate_directories",
    ),
)
def device_tls(device: Disk | CharacterDevice, case: Case) -> Result | None:
    """Look for the certificates of every NBD disk and character device that is encrypted.

    QEMU does not start without the authority's certificate, nor one that listens without its own
    and the key: NO. Whether peers trust each other is not compared. Displays have a fact of their
    own.

    Source: qemu.conf, *_tls_x509_cert_dir; QEMU's tls-creds-x509.
    """
    security = case.destination.security
    if isinstance(device, Disk):
        encrypted = device.source.protocol == "nbd" and device.source.tls
        return _certificates("nbd", (_AUTHORITY,), security) if encrypted else None
    if device.type != "tcp" or not device.tls:
        return None
    names = (_AUTHORITY, _SERVER) if device.mode == "bind" else (_AUTHORITY,)
    return _certificates("chardev", names, security)


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
