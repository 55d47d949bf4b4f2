"""`vmfit certs` as a person uses it."""

import json

import pytest

from tests.tls_material import TestAuthority
from vmfit_comparator.cli import run


@pytest.fixture
def certs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def certs(*words):
        status = run(["certs", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return certs


def test_a_site_from_its_first_command_to_renewal(certs):
    assert certs("ca", "site", "--name", "our site")[0] == 0
    status, out, _ = certs("agent", "-d", "site", "alpha.example", "192.0.2.1", "--days", "3")
    assert status == 0
    assert out.startswith(
        "site/agent-alpha.example.pem: dns:alpha.example, ip:192.0.2.1; expires on "
    )
    assert certs("comparator", "-d", "site", "vmfit.example")[0] == 0
    assert certs("client", "-d", "site", "alice@example.org")[0] == 0
    names = ("agent-alpha.example", "ca", "client-alice@example.org", "comparator-vmfit.example")
    files = [f"site/{each}.pem" for each in names]
    status, out, _ = certs("show", *files)
    assert status == 0
    assert "good for   serving, asking, probing\n" in out
    assert "issued by  CN=our site,OU=authority,O=vmfit\n" in out
    assert out.count("key        fits\n") == 4
    assert certs("show", "--within", "30", *files)[0] == 1
    assert certs("renew", *files)[0] == 0
    assert certs("show", "--within", "30", *files)[0] == 0
    _, out, _ = certs("show", "-o", "json", *files)
    agent, ca, *_ = json.loads(out)
    assert agent["names"] == ["dns:alpha.example", "ip:192.0.2.1"]
    assert (agent["days_left"] in (396, 397), ca["days_left"] in (3649, 3650)) == (True, True)
    assert agent["key"] == "fits"


def test_what_has_expired(certs, tmp_path):
    authority = TestAuthority(tmp_path / "site")
    expired = authority.agent("alpha", days=-3).certificate
    status, out, _ = certs("show", str(expired))
    assert status == 1
    assert "(expired)" in out
    later = authority.agent("beta").certificate
    key = later.with_suffix(".key")
    key.write_bytes(authority.client("x").key.read_bytes())
    _, out, _ = certs("show", str(later))
    assert f"key        {key}: the key of another certificate\n" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("agent", "alpha"), "ca.pem: no authority there; `vmfit certs ca DIR` makes one"),
        (("ca", "none/below"), "none/below: cannot be made: No such file or directory"),
        (("ca", "site", "--name", "a\nb"), "not a name for an authority"),
        (("show", "none.pem"), "none.pem: cannot be read: No such file or directory"),
        (("agent", "a b"), "'a b': neither a DNS name nor an address"),
        (("agent",), "Missing argument 'NAME...'"),
        (("client", "a", "--days", "0"), "--days: 0 is not in the range"),
        (("renew", "x.pem"), "ca.pem: no authority there"),
    ],
)
def test_what_is_wrong_is_one_line(certs, words, message):
    status, out, err = certs(*words)
    assert (status, out) == (3, "")
    assert err.startswith("vmfit: error: ")
    assert message in err
    assert err.count("\n") == 1
