"""Has the destination the certificates with which its libvirt encrypts displays?"""

from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.host_pb2 import Security
from vmfit.v1.vm_pb2 import Graphics
from vmfit_comparator.evaluation.applicability import QEMU
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, provide_storage
from vmfit_comparator.evaluation.result import Result, no, yes
from vmfit_comparator.knowledge.devices import displays
from vmfit_comparator.knowledge.tls_directories import certificate_directory

_AUTHORITY, _SERVER = "ca-cert.pem", "server-cert.pem"


@fact(
    each=displays,
    hypervisors=QEMU,
    needs="destination.security",
    reads=(
        *("destination.security.qemu_conf", "destination.security.certificates"),
        "destination.security.certificate_directories",
    ),
)
def display_tls(display: Graphics, case: Case) -> Result | None:
    """Look for the server's certificate where the destination's qemu.conf says vnc_tls, spice_tls.

    QEMU does not start such a display without the CA's and the server's certificate and its key,
    and libvirt reads SPICE's for any display: missing is NO, else YES. Where it is not set none is
    needed; a SPICE display that demands TLS, or that has a TLS port of its own, is NO then.

    Source: qemu.conf, vnc_tls, spice_tls, *_tls_x509_cert_dir, default_tls_x509_cert_dir; libvirt's
    qemuProcessSPICEAllocatePorts, qemuMigrationCookieGraphicsAlloc.
    """
    if display.type not in ("vnc", "spice"):
        return None
    return _display(display, case.destination.security)


def _display(graphics: Graphics, security: Security) -> Result:
    kind = graphics.type
    own_port = not graphics.autoport and graphics.tls_port != 0
    demands = kind == "spice" and (graphics.demands_tls or own_port)
    if security.qemu_conf.get(f"{kind}_tls", "0") != "1":
        if not demands:
            return yes(f"{kind.upper()} displays there are not encrypted")
        remedy = change_definition(
            "Switch spice_tls on in the destination's qemu.conf", "qemu.conf/spice_tls", "1"
        )
        return no("it demands TLS, which the destination's spice_tls forbids", remedies=[remedy])
    return _certificates(kind, (_AUTHORITY, _SERVER), security)


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
