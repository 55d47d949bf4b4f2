"""Secrets, confinement, certificates."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases

URI = {"uri": "qemu:///system"}
SECRET = {"vm.secrets": [{"uuid": "5ec5", "type": "passphrase", "user": "disk vda"}]}
KNOWN = "destination.libvirt_objects.secrets"
SECRETS = [
    ("none", {}, "YES"),
    ("there", {**SECRET, KNOWN: [{**URI, "uuid": "5ec5", "valueSet": True}]}, "PROBABLY_YES"),
    ("without a value", {**SECRET, KNOWN: [{**URI, "uuid": "5ec5", "valueSet": False}]}, "NO"),
    ("value not known", {**SECRET, KNOWN: [{**URI, "uuid": "5ec5"}]}, "PROBABLY_YES"),
    ("missing", SECRET, "NO"),
    ("of another connection", {**SECRET, KNOWN: [{"uri": "x", "uuid": "5ec5"}]}, "NO"),
    (
        "by usage",
        {
            "vm.secrets": [{"usage": "ceph.admin", "type": "ceph"}],
            KNOWN: [{**URI, "uuid": "1", "usageId": "ceph.admin", "valueSet": True}],
        },
        "PROBABLY_YES",
    ),
    ("not collected", {**SECRET, "destination.libvirt_objects": None}, "NO_IDEA"),
]

LABEL = {
    "vm.security_labels": [
        {"model": "selinux", "type": "dynamic"},
        {"model": "dac", "type": "dynamic"},
    ]
}
MODELS = "destination.hypervisor.connections[0].security_models"


def owned(**fields):
    label = {"model": "dac", "type": "static", "label": "web:web", **fields}
    return {"vm.security_labels": [label]}


LABELS = [
    ("none", {}, "YES"),
    ("offered", {**LABEL, MODELS: [{"model": "selinux"}, {"model": "dac"}]}, "YES"),
    ("not offered", LABEL, "NO"),
    ("a user", owned(namesExist=True), "YES"),
    ("a user who is not there", owned(namesExist=False), "NO"),
    ("a user for whom nobody looked", owned(), "YES"),
    ("dac alone", {"vm.security_labels": [{"model": "dac", "type": "dynamic"}]}, "YES"),
    ("not collected", {**LABEL, "destination.hypervisor": None}, "NO_IDEA"),
    ("no connection", {**LABEL, "destination.hypervisor.connections": []}, "NO_IDEA"),
]
ENCRYPTED = [
    ("none", {}, "YES"),
    ("SEV", {"vm.launch_security": {"type": "sev"}}, "NO"),
]

CA = {"path": "/etc/pki/qemu/ca-cert.pem", "fingerprint": "f1"}
CLIENT = {"path": "/etc/pki/qemu/client-cert.pem", "keyPresent": True}
SERVER = {
    "path": "/etc/pki/qemu/server-cert.pem",
    "keyPresent": True,
    "names": ["*.example.net"],
    "notAfter": "2024-01-01T00:00:00Z",
}
THERE = "destination.security.certificates"
TLS = {
    "options.tls": True,
    "source.security.certificates": [CA, CLIENT],
    THERE: [CA, SERVER],
    "hosts.clock.wall_clock": Timestamp(seconds=1_700_000_000),
}
CONF = "destination.security.qemu_conf"
BY_ADDRESS = {"options.migration_uri": "tcp://192.0.2.2"}
NO_CLIENT = {"source.security.certificates": [CA]}
ASKS_NO_MIGRATION = {"migrate_tls_x509_verify": "0"}
ASKS_NOBODY = {"default_tls_x509_verify": "0"}


def issued(server="CN=ca", client="CN=ca", own=()):
    authority = {**CA, "subject": "CN=ca", "moreSubjects": ["CN=second"]}
    return {
        "source.security.certificates": [authority, {**CLIENT, "issuer": client}],
        THERE: [authority, {**SERVER, "issuer": server, "moreSubjects": list(own)}],
    }


def key(**answer):
    path = "/etc/pki/qemu/server-key.pem"
    return {"probes.accesses": [{"path": path, "answer": answer}]}


CERTIFICATES = [
    ("not asked for", {}, "YES"),
    ("all there", TLS, "YES"),
    ("none", {"options.tls": True}, "NO"),
    ("no server certificate", {**TLS, THERE: [CA]}, "NO"),
    ("no client certificate", {**TLS, "source.security.certificates": [CA]}, "PROBABLY_NO"),
    ("no key", {**TLS, THERE: [CA, {**SERVER, "keyPresent": False}]}, "NO"),
    ("expired", {**TLS, THERE: [CA, {**SERVER, "notAfter": "2023-01-01T00:00:00Z"}]}, "NO"),
    ("not yet", {**TLS, THERE: [CA, {**SERVER, "notBefore": "2023-12-01T00:00:00Z"}]}, "NO"),
    ("another CA", {**TLS, THERE: [{**CA, "fingerprint": "f2"}, SERVER]}, "PROBABLY_NO"),
    ("another name", {**TLS, THERE: [CA, {**SERVER, "names": ["gamma"]}]}, "PROBABLY_NO"),
    (
        "another name, but the one asked for",
        {**TLS, THERE: [CA, {**SERVER, "names": ["gamma"]}], "options.tls_destination": "gamma"},
        "YES",
    ),
    (
        "another name, behind a URI",
        {
            **TLS,
            THERE: [CA, {**SERVER, "names": ["gamma"]}],
            "options.migration_uri": "tcp://192.0.2.2",
        },
        "PROBABLY_NO",
    ),
    (
        "an address, behind a URI",
        {
            **TLS,
            THERE: [CA, {**SERVER, "names": ["beta", "2001:db8::2"]}],
            "options.migration_uri": "tcp://[2001:DB8:0::2]:49152",
        },
        "YES",
    ),
    (
        "its name, behind an address",
        {**TLS, "options.migration_uri": "tcp://192.0.2.2"},
        "PROBABLY_NO",
    ),
    ("no client certificate, nobody asks", {**TLS, **NO_CLIENT, CONF: ASKS_NO_MIGRATION}, "YES"),
    ("no client certificate, nobody asks at all", {**TLS, **NO_CLIENT, CONF: ASKS_NOBODY}, "YES"),
    ("a stranger's server", {**TLS, **issued(server="CN=other")}, "PROBABLY_NO"),
    ("a stranger's client", {**TLS, **issued(client="CN=other")}, "PROBABLY_NO"),
    (
        "a stranger's client, nobody asks",
        {**TLS, **issued(client="CN=other"), CONF: ASKS_NOBODY},
        "YES",
    ),
    ("issued by the CA", {**TLS, **issued("CN=ca", "CN=ca")}, "YES"),
    ("issued by another of the file", {**TLS, **issued("CN=second", "CN=ca")}, "YES"),
    ("issued by one that comes along", {**TLS, **issued(server="CN=own", own=["CN=own"])}, "YES"),
    ("no certificate", {**TLS, THERE: [CA, {**SERVER, "error": "no PEM certificate"}]}, "NO"),
    ("a key that QEMU may read", {**TLS, **key(allowed=True)}, "YES"),
    ("a key that QEMU may not read", {**TLS, **key(allowed=False)}, "NO"),
    ("unreadable", {**TLS, THERE: [CA, {**SERVER, "error": "no PEM"}]}, "NO_IDEA"),
    (
        "in a directory of its own",
        {
            **TLS,
            "destination.security.qemu_conf": {"migrate_tls_x509_cert_dir": "/pki/"},
            THERE: [{**CA, "path": "/pki/ca-cert.pem"}, {**SERVER, "path": "/pki/server-cert.pem"}],
        },
        "YES",
    ),
    (
        "TLS, a directory for migrations",
        {
            **TLS,
            THERE: [
                {**CA, "path": "/etc/pki/libvirt-migrate/ca-cert.pem"},
                {**SERVER, "path": "/etc/pki/libvirt-migrate/server-cert.pem"},
            ],
        },
        "YES",
    ),
    (
        "TLS, an empty directory for migrations",
        {**TLS, "destination.security.certificate_directories": ["/etc/pki/libvirt-migrate"]},
        "NO",
    ),
    (
        "TLS, an empty directory for migrations, but another is configured",
        {
            **TLS,
            "destination.security.certificate_directories": ["/etc/pki/libvirt-migrate"],
            "destination.security.qemu_conf": {"migrate_tls_x509_cert_dir": "/etc/pki/qemu"},
        },
        "YES",
    ),
    (
        "TLS, an empty directory for migrations goes before the common one",
        {
            **TLS,
            "destination.security.certificate_directories": ["/etc/pki/libvirt-migrate"],
            "destination.security.qemu_conf": {"default_tls_x509_cert_dir": "/etc/pki/qemu"},
        },
        "NO",
    ),
    ("not collected", {**TLS, "destination.security": None}, "NO_IDEA"),
]

CONF = "destination.security.qemu_conf"
LISTENER = {
    "vm.character_devices": [{"kind": "serial", "type": "tcp", "mode": "bind", "tls": True}]
}
CONNECTS = {
    "vm.character_devices": [{"kind": "serial", "type": "tcp", "mode": "connect", "tls": True}]
}
OWN_SERVER = {"path": "/etc/pki/libvirt-chardev/server-cert.pem", "keyPresent": True}
DEVICE_TLS = [
    ("none", {}, "YES"),
    ("no certificates", {**LISTENER, THERE: []}, "NO"),
    ("common certificates", {**LISTENER, THERE: [CA, SERVER]}, "YES"),
    ("no key", {**LISTENER, THERE: [CA, {**SERVER, "keyPresent": False}]}, "NO"),
    ("its own directory lacks the CA", {**LISTENER, THERE: [CA, SERVER, OWN_SERVER]}, "NO"),
    (
        "where qemu.conf says",
        {
            **LISTENER,
            CONF: {"chardev_tls_x509_cert_dir": "/etc/pki/qemu/"},
            THERE: [CA, SERVER, OWN_SERVER],
        },
        "YES",
    ),
    ("one that connects", {**CONNECTS, THERE: [CA]}, "YES"),
    (
        "an encrypted disk",
        {"vm.disks[0].source": {"type": "network", "protocol": "nbd", "tls": True}, THERE: []},
        "NO",
    ),
    ("not collected", {**LISTENER, "destination.security": None}, "NO_IDEA"),
]


def spice(**fields):
    return {"vm.graphics": [{"type": "spice", **fields}], CONF: {}}


NO_TLS_PORT = {"vm.graphics": [{"type": "spice", "port": 5901}]}
SPICE = {**spice(autoport=True), CONF: {"spice_tls": "1"}}
VNC = {"vm.graphics": [{"type": "vnc"}], "destination.security.qemu_conf": {"vnc_tls": "1"}}


def certificates(directory, *names, key=True):
    paths = [{"path": f"{directory}/{name}-cert.pem", "key_present": key} for name in names]
    return {THERE: paths}


ENCRYPTED_DISPLAYS = [
    ("not encrypted", {**VNC, "destination.security.qemu_conf": {}}, "YES"),
    ("no certificates", VNC, "NO"),
    ("there", {**VNC, **certificates("/etc/pki/qemu", "ca", "server")}, "YES"),
    ("in VNC's own place", {**VNC, **certificates("/etc/pki/libvirt-vnc", "ca", "server")}, "YES"),
    ("VNC's own place is empty",
     {**VNC, **certificates("/etc/pki/qemu", "ca", "server"),
      "destination.security.certificate_directories": ["/etc/pki/libvirt-vnc"]}, "NO"),
    ("no CA", {**VNC, **certificates("/etc/pki/qemu", "server")}, "NO"),
    ("no key", {**VNC, **certificates("/etc/pki/qemu", "ca", "server", key=False)}, "NO"),
    ("elsewhere",
     {**VNC, "destination.security.qemu_conf": {"vnc_tls": "1", "vnc_tls_x509_cert_dir": "/pki"},
      **certificates("/pki", "ca", "server")}, "YES"),
    ("another display", {**VNC, "vm.graphics": [{"type": "spice"}]}, "YES"),
    ("spice, no certificates", SPICE, "NO"),
    ("spice, there", {**SPICE, **certificates("/etc/pki/libvirt-spice", "ca", "server")}, "YES"),
    ("spice without a TLS port", {**SPICE, **NO_TLS_PORT}, "NO"),
    ("spice demands what is off", spice(autoport=True, demandsTls=True), "NO"),
    ("spice has a TLS port, TLS is off", spice(tlsPort=5902), "NO"),
    ("spice had a TLS port by chance", spice(autoport=True, tlsPort=5902), "YES"),
    ("spice demands it",
     {**SPICE, **spice(autoport=True, demandsTls=True), CONF: {"spice_tls": "1"},
      **certificates("/etc/pki/qemu", "ca", "server")}, "YES"),
    ("not collected", {**VNC, "destination.security": None}, "NO_IDEA"),
]  # fmt: skip

SELINUX = "security.selinux"
ENFORCING = {"enforcing": True, "booleans": {"virt_use_nfs": False, "virt_use_samba": False}}
OFF = {f"destination.{SELINUX}": ENFORCING}
SELINUX_DISKS = [
    ("no SELinux", {}, "YES"),
    ("permissive", {f"destination.{SELINUX}": {**ENFORCING, "enforcing": False}}, "YES"),
    ("the boolean is off", OFF, "PROBABLY_NO"),
    ("the boolean is off on both hosts", {**OFF, f"source.{SELINUX}": ENFORCING}, "PROBABLY_YES"),
    (
        "the boolean is on",
        {f"destination.{SELINUX}": {"enforcing": True, "booleans": {"virt_use_nfs": True}}},
        "YES",
    ),
    ("the boolean is not known", {f"destination.{SELINUX}": {"enforcing": True}}, "NO_IDEA"),
    (
        "the guest has no label",
        {**OFF, "vm.security_labels": [{"model": "selinux", "type": "none"}]},
        "YES",
    ),
    (
        "on the host's own disk",
        {**OFF, "vm.disks[0].source.path.filesystem": {"type": "xfs", "mount_point": "/srv"}},
        "YES",
    ),
    (
        "through FUSE",
        {
            **OFF,
            "vm.disks[0].source.path.filesystem": {"type": "fuse.glusterfs", "mount_point": "/srv"},
        },
        "NO_IDEA",
    ),
    ("not collected", {"destination.security": None}, "NO_IDEA"),
]

TABLES = {
    "sec.selinux": SELINUX_DISKS,
    "sec.secrets": SECRETS,
    "sec.model": LABELS,
    "sec.launch_security": ENCRYPTED,
    "sec.peer_auth": CERTIFICATES,
    "sec.device_tls": DEVICE_TLS,
    "sec.display_tls": ENCRYPTED_DISPLAYS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_a_missing_secret_is_to_be_defined():
    assert remedy_kinds(finding("sec.secrets", migration(SECRET))) == ["define_secret"]
