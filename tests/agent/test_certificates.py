"""Which certificates the agent reads, and what it says of them."""

from datetime import UTC

from cryptography import x509

from tests.certificates import Authority, dns
from vmfit_agent.collectors import security

NODE1, _ = Authority().issue(dns("node1.example"), common_name="node1")


def test_certificates_where_the_configuration_says(tree):
    text = NODE1.decode()
    host = tree(
        {
            "etc/libvirt/qemu.conf": 'migrate_tls_x509_cert_dir = "/srv/tls/"\n',
            "etc/libvirt/libvirtd.conf": 'cert_file = "/srv/servercert.pem"\n',
            "srv/tls/server-cert.pem": text,
            "srv/tls/server-key.pem": "a key",
            "srv/tls/client-cert.pem": text,
            "srv/servercert.pem": text * 2,
        }
    )
    found = security.collect(host).certificates
    assert [c.path for c in found] == [
        "/srv/servercert.pem",
        "/srv/tls/client-cert.pem",
        "/srv/tls/server-cert.pem",
    ]
    # A recording holds no keys: nothing is said of those that are not there.
    assert [c.key_present if c.HasField("key_present") else None for c in found] == [
        None,
        None,
        True,
    ]
    assert [list(each.more_subjects) for each in found] == [["CN=node1"], [], []]
    assert (
        found[0].not_after.ToDatetime(UTC)
        == x509.load_pem_x509_certificate(NODE1).not_valid_after_utc
    )


def test_directories_for_one_kind_of_connection_count_even_when_they_are_empty(tree):
    host = tree({"etc/pki/qemu/ca-cert.pem": "", "etc/pki/libvirt-nbd": "a file"})
    assert not security.collect(host).certificate_directories
    for kind in ("vnc", "migrate"):
        (host.root / f"etc/pki/libvirt-{kind}").mkdir()
    found = security.collect(host).certificate_directories
    assert list(found) == ["/etc/pki/libvirt-migrate", "/etc/pki/libvirt-vnc"]
