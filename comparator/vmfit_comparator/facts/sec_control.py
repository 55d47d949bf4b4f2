"""Facts about who may connect to the destination's libvirt, and about displays over TLS."""

from urllib.parse import urlsplit

from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import Outcome, no, not_applicable, probably_yes, yes
from vmfit_comparator.evaluation.remedies import change_definition, provide_storage
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.facts.sec import QEMU_CERTIFICATES
from vmfit_comparator.knowledge.migration_ways import libvirt_place

# What the daemon does where its file does not say.
_DEFAULTS = {"tcp": "sasl", "tls": "none"}


@fact(
    "sec.libvirt_auth",
    question="Does the destination's libvirt let the migration's connection in?",
    reads=("destination.security",),
    also_reads=("options.destination_uri",),
)
def libvirt_auth(migration: Migration) -> Outcome:
    """Look at what the destination's daemon asks of those who connect by TCP or TLS.

    No authentication is YES. SASL without a keytab or a database of passwords lets nobody in: NO;
    with them PROBABLY_YES, as nobody knows what the client can show.

    Source: libvirtd.conf, auth_tcp and auth_tls; /etc/sasl2/libvirt.conf.
    """
    if libvirt_place(migration) is None:
        return not_applicable("does not apply: neither TCP nor TLS leads to libvirt")
    scheme = urlsplit(migration.options.destination_uri).scheme
    transport = scheme.partition("+")[2] or "tls"
    security = migration.destination.security
    conf = security.libvirtd_conf
    # A file that could not be read looks like one that sets nothing.
    if transport not in _DEFAULTS or not conf:
        return not_applicable("what the destination's libvirt asks for is not known")
    asked = conf.get(f"auth_{transport}", _DEFAULTS[transport])
    if asked != "sasl":
        return yes(f"auth_{transport} is {asked}")
    mechanisms = " or ".join(security.sasl.mechanisms) or "any mechanism"
    text = f"auth_{transport} is sasl, by {mechanisms}"
    if security.sasl.HasField("credentials_present") and not security.sasl.credentials_present:
        remedy = change_definition(
            "Set up SASL on the destination", "libvirtd.conf", f"auth_{transport}"
        )
        return no(f"{text}: no keytab or password database is there", remedies=[remedy])
    return probably_yes(f"{text}; what the client can show is not known", probability=0.7)


_VNC_DIRECTORY = "/etc/pki/libvirt-vnc"


@fact(
    "sec.display_tls",
    question="Has the destination the certificates with which its libvirt encrypts displays?",
    applies_if=("incoming.graphics",),
    reads=("incoming.graphics", "destination.security"),
)
@unless_offline
def display_tls(migration: Migration) -> Outcome:
    """Look for the server's certificate where the destination's qemu.conf says vnc_tls.

    QEMU does not start a VNC display without the CA's and the server's certificate and its key:
    missing is NO, else YES. A display without TLS needs none.

    Source: qemu.conf, vnc_tls, vnc_tls_x509_cert_dir, default_tls_x509_cert_dir.
    """
    security = migration.destination.security
    if all(each.type != "vnc" for each in migration.incoming.graphics):
        return not_applicable("does not apply: the guest has no VNC display")
    if security.qemu_conf.get("vnc_tls", "0") != "1":
        return yes("VNC displays there are not encrypted")
    found = {each.path: each for each in security.certificates if not each.error}
    conf = security.qemu_conf
    directory = conf.get("vnc_tls_x509_cert_dir") or conf.get("default_tls_x509_cert_dir") or ""
    if not directory:
        own = any(path.startswith(_VNC_DIRECTORY) for path in found)
        directory = _VNC_DIRECTORY if own else QEMU_CERTIFICATES
    server = found.get(f"{directory}/server-cert.pem")
    lacking = [
        name for name in ("ca-cert.pem", "server-cert.pem") if f"{directory}/{name}" not in found
    ]
    if server is not None and server.HasField("key_present") and not server.key_present:
        lacking.append("server-key.pem")
    if lacking:
        text = f"VNC displays there are encrypted, and {directory} lacks {', '.join(lacking)}"
        return no(text, remedies=[provide_storage(f"Put {', '.join(lacking)} there", directory)])
    return yes(f"VNC displays there are encrypted, with the certificates in {directory}")


FACTS = (libvirt_auth, display_tls)
