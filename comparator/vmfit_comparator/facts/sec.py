"""Facts about secrets, confinement, certificates and encrypted guests."""

from vmfit.v1.host_pb2 import Certificate
from vmfit.v1.hypervisor_pb2 import Secret
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import SecretUse
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import (
    Outcome,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.evaluation.remedies import (
    add_option,
    change_definition,
    define_secret,
    drop_option,
    provide_storage,
)
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined
from vmfit_comparator.knowledge.tls_directories import certificate_directory


@fact(
    "sec.secrets",
    question="Does the destination's libvirt have the secrets that the guest needs?",
    applies_if=("incoming.secrets",),
    reads=("incoming.secrets", "destination.libvirt_objects.secrets"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "destination.hypervisor.connections",
    ),
)
@unless_offline
def secrets(migration: Migration) -> Outcome:
    """Look every secret up by UUID or usage on the destination.

    Missing is NO, defined without a value as well. Else it is PROBABLY_YES: whether the values are
    equal is never looked at, nor always whether there is one.

    Source: virConnectListAllSecrets.
    """
    connection = connection_for(migration.vm, migration.destination)
    known = [
        each
        for each in migration.destination.libvirt_objects.secrets
        if connection is None or each.uri == connection.uri
    ]
    return joined(
        {
            f"{use.user or use.type} {use.uuid or use.usage}".strip(): _secret(use, known)
            for use in migration.incoming.secrets
        },
        "does not apply: the guest needs no secret",
    )


def _secret(use: SecretUse, known: list[Secret]) -> Outcome:
    for each in known:
        if (use.uuid and each.uuid == use.uuid) or (not use.uuid and each.usage_id == use.usage):
            if not each.HasField("value_set"):
                return probably_yes("it is defined; whether it has a value is not known")
            if each.value_set:
                text = "it is defined and has a value, which was not compared"
                return probably_yes(text, probability=0.97)
            return no(
                "it is defined there without a value",
                remedies=[define_secret(each.uuid, each.usage_id, set_value=True)],
            )
    return no(
        "it is not defined on the destination",
        remedies=[define_secret(use.uuid, use.usage, set_value=False)],
    )


@fact(
    "sec.model",
    question="Does the destination have the security driver that the guest's label asks for?",
    applies_if=("incoming.security_labels",),
    reads=("incoming.security_labels", "destination.hypervisor.connections"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
    ),
)
@unless_offline
def model(migration: Migration) -> Outcome:
    """Look the models of the guest's labels up among the destination's security drivers.

    A label for selinux or apparmor that the destination does not use is NO: libvirt finds no
    driver for it. Labels of models dac and none are always understood; a user or group of a
    fixed label of model dac that the destination does not have is NO.

    Source: virConnectGetCapabilities: host/secmodel; libvirt's virSecurityDACParseIds.
    """
    connection = connection_for(migration.vm, migration.destination)
    if connection is None:
        return no_idea(
            "the destination's libvirt is not known", missing=["destination.hypervisor.connections"]
        )
    offered = {each.model for each in connection.security_models}
    outcomes = {}
    for label in migration.incoming.security_labels:
        if label.type == "static" and label.HasField("names_exist") and not label.names_exist:
            remedy = change_definition(
                "Name a user and a group that the destination has (--xml)", "seclabel/label", ""
            )
            text = f"the destination does not have the user and the group of {label.label}"
            outcomes[label.model] = no(text, remedies=[remedy])
        if label.model in ("", "dac", "none") or label.type == "none":
            continue
        remedy = change_definition(
            f"Remove the {label.model} label from the definition sent (--xml)", "seclabel", ""
        )
        outcomes[label.model] = (
            yes(f"the destination confines guests with {label.model}")
            if label.model in offered
            else no(
                f"the destination has no {label.model} driver, but {', '.join(offered)}",
                remedies=[remedy],
            )
        )
    return joined(outcomes, "does not apply: no label asks for a driver")


@fact(
    "sec.launch_security",
    question="Can the guest's encrypted memory migrate?",
    applies_if=("vm.launch_security",),
    reads=("vm.launch_security",),
)
@unless_offline
def launch_security(migration: Migration) -> Outcome:
    """Refuse guests whose memory the host cannot read.

    SEV, SEV-SNP, TDX and protected s390 guests cannot migrate while they run: NO. Shut down and
    started on the destination they can move.

    Source: QEMU's migration blockers.
    """
    remedy = add_option("--offline --persistent", "once the guest is shut down it can start there")
    text = f"QEMU does not migrate guests with {migration.vm.launch_security.type}"
    return no(text, remedies=[remedy])


@fact(
    "sec.peer_auth",
    question="Do both hosts have the certificates for an encrypted migration?",
    applies_if=("options.tls",),
    reads=("source.security", "destination.security"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "source.clock.wall_clock",
        "destination.clock.wall_clock",
        "destination.identity.hostname",
        "destination.identity.canonical_hostname",
        "destination.hypervisor.connections",
        "options.tls_destination",
        "options.migration_uri",
    ),
)
@unless_offline
def peer_auth(migration: Migration) -> Outcome:
    """Look for QEMU's certificates on both hosts: CA, server's there and client's here.

    A CA or the server's certificate missing, out of date or without its key is NO. A name that
    the server's certificate lacks is PROBABLY_NO, another CA NO. A client's certificate missing is
    PROBABLY_NO, as the server asks for one by default.

    Source: X.509 files; qemu.conf, migrate_tls_x509_cert_dir.
    """
    if not migration.options.tls:
        return not_applicable("does not apply: --tls is not asked for")
    outcomes = {}
    for side, snapshot, names in (
        ("source", migration.source, ("ca-cert.pem", "client-cert.pem")),
        ("destination", migration.destination, ("ca-cert.pem", "server-cert.pem")),
    ):
        for name in names:
            outcomes[f"{side} {name}"] = _certificate(name, snapshot)
    authorities = [_find("ca-cert.pem", each) for each in (migration.source, migration.destination)]
    if authorities[0] and authorities[1] and all(each.fingerprint for each in authorities if each):
        same = authorities[0].fingerprint == authorities[1].fingerprint
        text = "the hosts trust the same CA" if same else "the hosts trust different CAs"
        remedy = provide_storage(
            "Give both hosts certificates of one CA", _path("ca-cert.pem", migration.source)
        )
        outcomes["authority"] = (
            yes(text) if same else probably_no(text, probability=0.15, remedies=[remedy])
        )
    server = _find("server-cert.pem", migration.destination)
    if server is not None and server.names:
        outcomes["name"] = _named(server, migration)
    return joined(outcomes, "")


def _path(name: str, snapshot: Snapshot) -> str:
    return f"{certificate_directory('migrate', snapshot.security)}/{name}"


def _find(name: str, snapshot: Snapshot) -> Certificate | None:
    path = _path(name, snapshot)
    return next((each for each in snapshot.security.certificates if each.path == path), None)


def _certificate(name: str, snapshot: Snapshot) -> Outcome:
    path = _path(name, snapshot)
    found = _find(name, snapshot)
    if found is None:
        remedies = [
            provide_storage(f"Install {path}", path),
            drop_option("--tls", "the migration is not encrypted then"),
        ]
        if name == "client-cert.pem":
            return probably_no(
                f"{path} is missing, and QEMU's server asks for it by default",
                probability=0.2,
                remedies=remedies,
            )
        return no(f"{path} is missing", remedies=remedies)
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


def _named(server: Certificate, migration: Migration) -> Outcome:
    wanted = migration.options.tls_destination
    identity = migration.destination.identity
    connection = connection_for(migration.vm, migration.destination)
    names = (
        [wanted]
        if wanted
        else [
            connection.hostname if connection is not None else "",
            identity.hostname,
            identity.canonical_hostname,
        ]
    )
    if any(name and _covers(each, name) for each in server.names for name in names):
        return yes(f"the certificate names {', '.join(server.names)}")
    if migration.options.migration_uri and not wanted:
        return no_idea(
            f"whether {migration.options.migration_uri} fits the certificate's names "
            f"({', '.join(server.names)}) was not worked out"
        )
    return probably_no(
        f"the certificate names {', '.join(server.names)}, not {' or '.join(filter(None, names))}",
        probability=0.15,
        remedies=[add_option(f"--tls-destination {server.names[0]}", "the certificate names it")],
    )


def _covers(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name.partition(".")[2].lower() == pattern[2:].lower()
    return pattern.lower() == name.lower()


FACTS = (secrets, model, launch_security, peer_auth)
