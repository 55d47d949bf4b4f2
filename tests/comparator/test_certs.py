"""Certificates that vmfit makes: taken by TLS for what they are for, and for nothing else."""

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.tls_material import TestAuthority
from vmfit_comparator.certs import kinds
from vmfit_comparator.certs.certificate_error import CertificateError
from vmfit_comparator.certs.issued_files import issue, issue_authority, renew
from vmfit_comparator.certs.names import general_name, identity
from vmfit_comparator.certs.summary import summaries

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def handshake(server, client, name):
    """Shake hands over memory with mutual TLS; raises ssl.SSLError where either side refuses."""
    contexts = []
    for material, purpose in (
        (server, ssl.Purpose.CLIENT_AUTH),
        (client, ssl.Purpose.SERVER_AUTH),
    ):
        context = ssl.create_default_context(purpose, cafile=material.authority)
        context.load_cert_chain(material.certificate, material.key)
        contexts.append(context)
    contexts[0].verify_mode = ssl.CERT_REQUIRED
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        contexts[0].wrap_bio(to_server, to_client, server_side=True),
        contexts[1].wrap_bio(to_client, to_server, server_hostname=name),
    ]
    for _ in range(4):
        for side in reversed(sides):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()


@pytest.fixture
def authority(tmp_path):
    return TestAuthority(tmp_path / "ca")


def test_agents_comparators_and_clients_know_each_other(authority):
    agent = authority.agent("alpha.example", "192.0.2.1", "*.alpha.example")
    comparator, client = authority.comparator("vmfit.example"), authority.client("alice@a.example")
    for name in ("alpha.example", "192.0.2.1", "storage.alpha.example"):
        handshake(agent, comparator, name)
    handshake(agent, client, "alpha.example")
    handshake(comparator, client, "vmfit.example")


def test_a_certificate_is_good_for_its_own_part_alone(authority):
    agent, client = authority.agent("alpha.example"), authority.client("alpha.example")
    with pytest.raises(ssl.SSLError, match=r"unsuitable certificate purpose|unsupported cert"):
        handshake(client, client, "alpha.example")
    with pytest.raises(ssl.SSLError, match=r"unsuitable certificate purpose|unsupported cert"):
        handshake(agent, agent, "alpha.example")
    with pytest.raises(ssl.SSLError, match="Hostname mismatch"):
        handshake(agent, client, "beta.example")


def test_other_authorities_and_what_has_expired(authority, tmp_path):
    agent, client = authority.agent("alpha.example"), authority.client()
    stranger = TestAuthority(tmp_path / "other").client()
    with pytest.raises(ssl.SSLError):
        handshake(agent, stranger, "alpha.example")
    with pytest.raises(ssl.SSLError, match="expired"):
        handshake(authority.agent("alpha.example", days=-1), client, "alpha.example")


def test_files(tmp_path):
    directory = tmp_path / "site"
    ca = issue_authority(directory, "site", days=100, now=NOW)
    path = issue(directory, kinds.AGENT, ["*.alpha.example", "fd00::1"], days=10, now=NOW)
    assert path.name == "agent-any.alpha.example.pem"
    for each in (ca, path):
        key = each.with_suffix(".key")
        assert (each.stat().st_mode & 0o777, key.stat().st_mode & 0o777) == (0o644, 0o600)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert len(list(directory.iterdir())) == 4


def test_a_key_is_never_replaced_unasked(tmp_path):
    ca = issue_authority(tmp_path, "site", days=100, now=NOW)
    path = issue(tmp_path, kinds.AGENT, ["alpha"], days=10, now=NOW)
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(CertificateError, match=r"ca\.pem: exists; --force"):
        issue_authority(tmp_path, "site", days=100, now=NOW)
    with pytest.raises(CertificateError, match=r"agent-alpha\.pem: exists; --force"):
        issue(tmp_path, kinds.AGENT, ["alpha"], days=10, now=NOW)
    path.unlink()
    with pytest.raises(CertificateError, match=r"agent-alpha\.key: exists; --force"):
        issue(tmp_path, kinds.AGENT, ["alpha"], days=10, now=NOW)
    assert {each: each.read_bytes() for each in tmp_path.iterdir()} == {
        each: content for each, content in before.items() if each != path
    }
    issue(tmp_path, kinds.AGENT, ["alpha"], days=10, now=NOW, force=True)
    assert path.with_suffix(".key").read_bytes() != before[path.with_suffix(".key")]
    assert ca.read_bytes() == before[ca]


def test_no_certificate_outlives_its_authority(tmp_path):
    issue_authority(tmp_path, "site", days=5, now=NOW)
    path = issue(tmp_path, kinds.AGENT, ["alpha"], days=10, now=NOW)
    (summary,) = summaries(path, NOW)
    assert summary.not_after == (NOW + 5 * DAY).isoformat()
    with pytest.raises(CertificateError, match="the authority expired on 2026-12-05"):
        issue(tmp_path, kinds.AGENT, ["beta"], days=10, now=NOW + 6 * DAY)


def test_renewal_keeps_key_and_names(authority):
    material = authority.agent("alpha.example", "192.0.2.1", days=-1)
    before = x509.load_pem_x509_certificate(material.certificate.read_bytes())
    key = material.key.read_bytes()
    renew(material.certificate, authority.directory, days=None, now=datetime.now(UTC))
    after = x509.load_pem_x509_certificate(material.certificate.read_bytes())
    assert after.public_key() == before.public_key() == load_pem_private_key(key, None).public_key()
    assert [each.value for each in after.extensions] == [each.value for each in before.extensions]
    assert after.serial_number != before.serial_number
    assert material.key.read_bytes() == key
    handshake(material, authority.client(), "alpha.example")


def test_renewing_the_authority_leaves_what_it_signed_valid(tmp_path):
    now = datetime.now(UTC)
    ca = issue_authority(tmp_path, "site", days=20, now=now - 15 * DAY)
    authority = TestAuthority.__new__(TestAuthority)
    authority.directory, authority.certificate = tmp_path, ca
    material = authority.agent("alpha.example", days=4)
    renew(ca, tmp_path, days=None, now=now)
    assert summaries(ca, now)[0].days_left > 3600
    handshake(material, authority.client(), "alpha.example")


def test_another_authority_renews_nothing(authority, tmp_path):
    other = TestAuthority(tmp_path / "other")
    material = other.agent("alpha")
    content = material.certificate.read_bytes()
    with pytest.raises(CertificateError, match=r"agent-alpha\.pem: was signed by another auth"):
        renew(material.certificate, authority.directory, days=9, now=NOW)
    bundle = material.certificate.with_name("bundle.pem")
    bundle.write_bytes(content + other.certificate.read_bytes())
    with pytest.raises(CertificateError, match=r"bundle\.pem: holds 2 certificates"):
        renew(bundle, other.directory, days=9, now=NOW)
    assert material.certificate.read_bytes() == content


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("alpha", "dns:alpha"),
        ("dns:alpha.example", "dns:alpha.example"),
        ("*.example.org", "dns:*.example.org"),
        ("192.0.2.1", "ip:192.0.2.1"),
        ("FD00::1", "ip:fd00::1"),
        ("ip:fd00::1", "ip:fd00::1"),
        ("alice@example.org", "email:alice@example.org"),
        ("uri:urn:example:scheduler", "uri:urn:example:scheduler"),
    ],
)
def test_names(text, spelled):
    assert identity(general_name(text)) == spelled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "neither a DNS name nor an address"),
        ("a b", "neither a DNS name nor an address"),
        ("a..b", "neither a DNS name nor an address"),
        ("a.*.b", "neither a DNS name nor an address"),
        ("-a", "neither a DNS name nor an address"),
        ("a" * 64, "neither a DNS name nor an address"),
        (".".join(["a" * 60] * 5), "neither a DNS name nor an address"),
        ("müller.example", "xn--"),
        ("ip:300.0.0.1", "not an IP address"),
        ("ip:fe80::1%eth0", "has no scope"),
        ("a@b@c", "not an e-mail address"),
        ("a@-b", "not an e-mail address"),
        ("uri:x", "not a URI"),
        ("uri:urn:a\nb", "not a URI"),
        ("uri:urn:" + "a" * 300, "not a URI"),
    ],
)
def test_what_is_no_name(text, message):
    with pytest.raises(CertificateError, match=message) as caught:
        general_name(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_no_client_passes_for_a_comparator(authority):
    with pytest.raises(CertificateError, match="use `vmfit certs comparator`"):
        authority.client("alice@example.org", "uri:urn:vmfit:comparator")


def test_files_that_are_none_of_it(tmp_path, authority):
    material = authority.agent("alpha")
    empty, big = tmp_path / "empty.pem", tmp_path / "big.pem"
    empty.touch()
    big.write_bytes(b"x" * (1024 * 1024 + 1))
    for path, message in (
        (material.key, "holds a key; name the certificate"),
        (empty, "holds no PEM certificate"),
        (big, "larger than 1048576 bytes"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "none.pem", "cannot be read: No such file"),
    ):
        with pytest.raises(CertificateError) as caught:
            summaries(path, NOW)
        assert str(caught.value).startswith(f"{path}: {message}")
    with pytest.raises(CertificateError, match=r"ca\.pem: no authority there"):
        issue(tmp_path, kinds.AGENT, ["alpha"], days=1, now=NOW)
    authority.certificate.with_suffix(".key").write_bytes(material.key.read_bytes())
    with pytest.raises(CertificateError, match=r"ca\.key: not the key of .*ca\.pem"):
        authority.agent("beta")
    authority.certificate.with_suffix(".key").write_text("no key")
    with pytest.raises(CertificateError, match=r"ca\.key: holds no PEM key"):
        authority.agent("beta")


def test_uses(authority):
    def of(path):
        return summaries(path, NOW)[0].uses

    assert of(authority.certificate) == ("signing",)
    assert of(authority.agent("a").certificate) == ("serving",)
    assert of(authority.comparator("c").certificate) == ("serving", "asking", "probing")
    assert of(authority.client("u").certificate) == ("asking",)
