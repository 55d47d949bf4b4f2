"""A program's own TLS files: what is said of each."""

import shutil

import pytest

from tests.tls_material import TestAuthority
from vmfit_contract.memory_handshake import EXPIRED, PURPOSE, UNKNOWN_AUTHORITY, judged
from vmfit_contract.tls_files import TlsFiles
from vmfit_contract.tls_report import report


@pytest.fixture
def authority(tmp_path):
    return TestAuthority(tmp_path / "ca")


def files(material):
    return TlsFiles(material.certificate, material.key, material.authority)


def states(reports):
    return [each.state for each in reports]


def test_what_is_right(authority):
    found = report(
        files(authority.agent("alpha.example", "192.0.2.1", days=300)),
        as_server=True,
        called=("alpha.example", "alpha"),
    )
    assert states(found) == ["ok", "ok", "ok"]
    assert found[0].reasons[0] == "names: alpha.example, 192.0.2.1"
    assert found[0].reasons[1].endswith("in 299 days")
    assert found[2].reasons[0] == "CN=test authority,OU=authority,O=vmfit"
    assert not any(each.remedies for each in found)
    found = report(files(authority.client(days=300)), as_server=False, called=("alpha",))
    assert states(found) == ["ok", "ok", "ok"]


def test_wildcards_name_their_hosts(authority):
    material = files(authority.agent("*.example", days=300))
    assert report(material, as_server=True, called=("Alpha.example",))[0].state == "ok"
    assert report(material, as_server=True, called=("a.b.example",))[0].state == "partly"


@pytest.mark.parametrize(
    ("days", "state", "reason", "remedy"),
    [(-1, "missing", "expired on", "renew it"), (29, "partly", "in 28 days", "renew it")],
)
def test_expiry(authority, days, state, reason, remedy):
    certificate, key, ca = report(files(authority.agent(days=days)), as_server=True)
    assert (certificate.state, key.state, ca.state) == (state, "ok", "ok")
    assert reason in certificate.reasons[1]
    assert certificate.remedies == (remedy,)


def test_another_name(authority):
    certificate, _, _ = report(
        files(authority.agent("alpha", days=300)), as_server=True, called=("beta",)
    )
    assert certificate.state == "partly"
    assert certificate.reasons[2] == "no name of this host among them: beta"


def test_another_key_purpose_or_authority(authority, tmp_path):
    agent, client = authority.agent(days=300), authority.client(days=300)
    mixed = TlsFiles(agent.certificate, client.key, agent.authority)
    _, key, _ = report(mixed, as_server=True)
    assert (key.state, key.reasons) == ("missing", (f"not the key of {agent.certificate}",))
    certificate, _, _ = report(files(client), as_server=True)
    assert (certificate.state, certificate.reasons[-1]) == ("missing", "not for servers")
    certificate, _, _ = report(files(agent), as_server=False)
    assert (certificate.state, certificate.reasons[-1]) == ("missing", "not for clients")
    other = TestAuthority(tmp_path / "other")
    foreign = TlsFiles(agent.certificate, agent.key, other.certificate)
    certificate, _, _ = report(foreign, as_server=True)
    assert (certificate.state, certificate.reasons[-1]) == (
        "partly",
        f"not signed by {other.certificate}",
    )


def test_files_that_cannot_be_used(authority, tmp_path):
    material = files(authority.agent(days=300))
    empty = tmp_path / "empty.pem"
    empty.touch()
    found = report(TlsFiles(empty, empty, tmp_path / "none"), as_server=True)
    assert states(found) == ["missing"] * 3
    assert [each.reasons for each in found] == [
        ("no PEM certificate",),
        ("no PEM key",),
        ("No such file or directory",),
    ]

    def read(path):
        raise PermissionError(13, "Permission denied", str(path))

    found = report(material, as_server=True, read=read)
    assert {each.reasons for each in found} == {("Permission denied",)}
    assert "let the service's user read it" in found[1].remedies[0]


def test_a_key_for_everybody(authority):
    material = files(authority.agent(days=300))
    material.key.chmod(0o644)
    _, key, _ = report(material, as_server=True)
    assert (key.state, key.reasons) == ("partly", ("every user may read it",))
    assert key.remedies == (f"chmod o= {material.key}",)


def test_control_characters_of_a_certificate_stay_out_of_terminals(authority, tmp_path):
    shutil.copytree(authority.directory, tmp_path / "copy")
    strange = TestAuthority(tmp_path / "strange")
    agent = strange.agent("uri:urn:x", "alpha", days=300)
    certificate, _, _ = report(files(agent), as_server=True)
    assert all(each.isprintable() for each in certificate.reasons)


def test_judgement_in_memory(authority, tmp_path):
    other = TestAuthority(tmp_path / "other").certificate
    for material, as_server, codes in (
        (authority.agent(), True, {0}),
        (authority.agent(), False, {PURPOSE}),
        (authority.client(), False, {0}),
        (authority.client(), True, {PURPOSE}),
        (authority.comparator(), True, {0}),
        (authority.comparator(), False, {0}),
        (authority.client("late", days=-1), False, {EXPIRED}),
    ):
        assert judged(files(material), as_server=as_server) in codes
    agent = authority.agent()
    assert (
        judged(TlsFiles(agent.certificate, agent.key, other), as_server=True) in UNKNOWN_AUTHORITY
    )
