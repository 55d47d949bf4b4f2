"""Do both hosts have the certificates for an encrypted migration?"""

from vmfit.v1.host_pb2 import Certificate
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import add_option, drop_option, provide_storage
from vmfit_comparator.evaluation.result import (
    Result,
    joined,
    no,
    no_idea,
    not_applicable,
    probably_no,
    yes,
)
from vmfit_comparator.knowledge.host_addresses import parse_address
from vmfit_comparator.knowledge.libvirt_identities import destination_libvirt_name
from vmfit_comparator.knowledge.migration_ways import connect_uri
from vmfit_comparator.knowledge.tls_directories import certificate_directory, server_key

_CLIENT = "client-cert.pem"


# The agent's word for a file that it read, and that QEMU cannot use.
_NO_CERTIFICATE = "no PEM certificate"


@fact(
    applies_if=("options.tls",),
    needs=("source.security", "destination.security"),
    reads=(
        *("source.security.qemu_conf", "destination.security.qemu_conf"),
        *("source.security.certificates", "destination.security.certificates"),
        "source.security.certificate_directories",
        "destination.security.certificate_directories",
        "source.clock.wall_clock",
        "destination.clock.wall_clock",
        "destination.identity.hostname",
        "destination.identity.canonical_hostname",
        "options.tls_destination",
        "options.migration_uri",
        "probes.accesses",
    ),
)
def peer_auth(case: Case) -> Result:
    """Look for QEMU's certificates on both hosts: CA, server's there and client's here.

    A CA or the server's certificate missing, out of date or without its key is NO. A name that
    the server's certificate lacks is PROBABLY_NO, and so is another CA, or a certificate whose
    issuer is in neither file. A client's certificate missing is PROBABLY_NO, as the server asks for
    one unless its qemu.conf says otherwise. A server's key that QEMU's user may not read is NO.

    Source: X.509 files; qemu.conf, migrate_tls_x509_cert_dir, migrate_tls_x509_verify; libvirt's
    qemuMigrationParamsEnableTLS.
    """
    if not case.options.tls:
        return not_applicable("does not apply: --tls is not asked for")
    outcomes = {}
    for side, snapshot, names in (
        ("source", case.source, ("ca-cert.pem", _CLIENT)),
        ("destination", case.destination, ("ca-cert.pem", "server-cert.pem")),
    ):
        for name in names:
            if name == _CLIENT and not _asks_for_client(case.destination):
                continue
            outcomes[f"{side} {name}"] = _certificate(name, snapshot)
    authorities = [_find("ca-cert.pem", each) for each in (case.source, case.destination)]
    if authorities[0] and authorities[1] and all(each.fingerprint for each in authorities if each):
        same = authorities[0].fingerprint == authorities[1].fingerprint
        text = "the hosts trust the same CA" if same else "the hosts trust different CAs"
        remedy = provide_storage(
            "Give both hosts certificates of one CA", _path("ca-cert.pem", case.source)
        )
        outcomes["authority"] = (
            yes(text) if same else probably_no(text, probability=0.15, remedies=[remedy])
        )
    outcomes |= _issued(case)
    outcomes |= _closed_key(case)
    server = _find("server-cert.pem", case.destination)
    if server is not None and server.names:
        outcomes["name"] = _named(server, case)
    return joined(outcomes)


def _asks_for_client(destination: Snapshot) -> bool:
    conf = destination.security.qemu_conf
    usual = conf.get("default_tls_x509_verify", "1")
    return conf.get("migrate_tls_x509_verify", usual) != "0"


def _issued(case: Case) -> dict[str, Result]:
    """Return what speaks against certificates that the other host does not know the issuer of."""
    hosts = case.source, case.destination
    outcomes = {}
    for name, own, other in (("server-cert.pem", *hosts[::-1]), (_CLIENT, *hosts)):
        shown, authority = _find(name, own), _find("ca-cert.pem", other)
        if shown is None or authority is None or not (shown.issuer and authority.subject):
            continue
        known = {authority.subject, *authority.more_subjects, *shown.more_subjects}
        if shown.issuer not in known and (name != _CLIENT or _asks_for_client(hosts[1])):
            text = f"it was issued by {shown.issuer}, which the other host's CA file does not have"
            remedy = provide_storage(f"Let a CA of the other host issue {shown.path}", shown.path)
            outcomes[f"{name}'s issuer"] = probably_no(text, probability=0.05, remedies=[remedy])
    return outcomes


def _closed_key(case: Case) -> dict[str, Result]:
    path = server_key(case)
    probe = next((each for each in case.probes.accesses if each.path == path), None)
    if probe is None or not probe.HasField("answer") or probe.answer.allowed:
        return {}
    text = f"user {probe.answer.user_id} may not read {path}: {probe.answer.reason}"
    remedy = provide_storage(f"Let QEMU's user read {path}", path)
    return {"server's key": no(text, remedies=[remedy])}


def _path(name: str, snapshot: Snapshot) -> str:
    return f"{certificate_directory('migrate', snapshot.security)}/{name}"


def _find(name: str, snapshot: Snapshot) -> Certificate | None:
    path = _path(name, snapshot)
    return next((each for each in snapshot.security.certificates if each.path == path), None)


def _certificate(name: str, snapshot: Snapshot) -> Result:
    path = _path(name, snapshot)
    found = _find(name, snapshot)
    if found is None:
        remedies = [
            provide_storage(f"Install {path}", path),
            drop_option("--tls", "the migration is not encrypted then"),
        ]
        if name == _CLIENT:
            return probably_no(
                f"{path} is missing, and QEMU's server asks for it by default",
                probability=0.2,
                remedies=remedies,
            )
        return no(f"{path} is missing", remedies=remedies)
    if found.error == _NO_CERTIFICATE:
        remedy = provide_storage(f"Install {path} anew", path)
        return no(f"{path} holds no certificate", remedies=[remedy])
    if found.error:
        return no_idea(f"{path} could not be read: {found.error}")
    now = snapshot.clock.wall_clock.seconds
    if now and found.not_after.seconds and found.not_after.seconds < now:
        remedy = provide_storage(f"Renew {path}", path)
        return no(f"{path} expired at {found.not_after.ToJsonString()}", remedies=[remedy])
    if now and found.not_before.seconds > now:
        remedy = provide_storage(f"Renew {path}", path)
        text = f"{path} is valid only from {found.not_before.ToJsonString()} on"
        return no(text, remedies=[remedy])
    if name != "ca-cert.pem" and found.HasField("key_present") and not found.key_present:
        remedy = provide_storage(f"Install the private key of {path}", path)
        return no(f"the private key of {path} is missing", remedies=[remedy])
    return yes(f"{path} is valid")


def _named(server: Certificate, case: Case) -> Result:
    options = case.options
    wanted = options.tls_destination or connect_uri(options.migration_uri).host
    identity = case.destination.identity
    names = (
        [wanted]
        if wanted
        else [
            destination_libvirt_name(case),
            identity.hostname,
            identity.canonical_hostname,
        ]
    )
    if any(name and _covers(each, name) for each in server.names for name in names):
        return yes(f"the certificate names {', '.join(server.names)}")
    return probably_no(
        f"the certificate names {', '.join(server.names)}, not {' or '.join(filter(None, names))}",
        probability=0.15,
        remedies=[add_option(f"--tls-destination {server.names[0]}", "the certificate names it")],
    )


def _covers(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name.partition(".")[2].lower() == pattern[2:].lower()
    address = parse_address(name)
    if address is not None:
        return address == parse_address(pattern)
    return pattern.lower() == name.lower()
