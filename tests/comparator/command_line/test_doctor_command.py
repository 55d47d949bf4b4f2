"""`vmfit doctor`: everything that the settings name, each with its cause."""

import json
from pathlib import Path

import pytest

from tests.comparator.builders import source_snapshot
from tests.comparator.tls_agents import TlsAgent
from tests.tls_material import TestAuthority
from vmfit_comparator.cli import run
from vmfit_contract.tls_files import TlsFiles


@pytest.fixture(autouse=True)
def _no_libvirt_files(monkeypatch, tmp_path):
    nowhere = TlsFiles(*(tmp_path / "nowhere" / each for each in ("cert", "key", "ca")))
    monkeypatch.setattr("vmfit_comparator.commands.asking.default_client_files", lambda: nowhere)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def authority(tmp_path):
    return TestAuthority(tmp_path / "ca")


@pytest.fixture
def doctor(capsys):
    def doctor(text, *words):
        Path("comparator.toml").write_text(text)
        status = run(["--config", "comparator.toml", "doctor", "-o", "json", *words])
        document = json.loads(capsys.readouterr().out)
        assert document["ok"] is (status == 0)
        return status, {each["name"]: each for each in document["checks"]}

    return doctor


def host(name, address, *lines):
    return "\n".join([f'[hosts.{name}]\naddress = "{address}"', *lines, ""])


def test_everything_in_order(doctor, authority):
    material = authority.comparator(days=300)
    Path("site.yaml").write_text("name: site\nextends: default\n")
    with TlsAgent(source_snapshot(), authority.agent(days=300)) as agent:
        status, checks = doctor(
            f'policies = ["site.yaml"]\nstore = "sqlite:///checks.db"\n{material.settings}'
            + host("alpha", agent.address)
        )
    assert status == 0
    assert {each["state"] for each in checks.values()} == {"ok"}
    assert list(checks) == [
        "settings comparator.toml",
        f"TLS {material.certificate}",
        f"TLS {material.key}",
        f"TLS {material.authority}",
        "facts",
        "policy site.yaml",
        "store",
        "host alpha",
    ]
    assert checks["store"]["reasons"] == ["0 checks"]
    assert "in 299 days" in checks["host alpha"]["reasons"][1]


def test_each_host_has_its_own_cause(doctor, authority):
    client = authority.client(days=300)
    with (
        TlsAgent(source_snapshot(), authority.agent(days=3)) as soon,
        TlsAgent(source_snapshot(), authority.agent("other.example", "alpha", days=300)) as named,
        TlsAgent(source_snapshot()) as plain,
        TlsAgent(source_snapshot(), authority.agent("late", "127.0.0.1", days=-2)) as late,
    ):
        status, checks = doctor(
            client.settings
            + host("soon", soon.address)
            + host("named", named.address)
            + host("called", named.address, 'tls_server_name = "other.example"')
            + host("plain", plain.address)
            + host("late", late.address)
            + host("down", "127.0.0.1:9")
        )
    assert status == 1
    hosts = {name[5:]: each for name, each in checks.items() if each["area"] == "host"}
    assert {name: each["state"] for name, each in hosts.items()} == {
        "soon": "partly",
        "named": "missing",
        "called": "ok",
        "plain": "missing",
        "late": "missing",
        "down": "missing",
    }
    assert hosts["soon"]["remedies"] == ["renew it there"]
    assert "is for 'other.example', 'alpha', not for '127.0.0.1'" in hosts["named"]["reasons"][0]
    assert "it serves plain text" in hosts["plain"]["reasons"][0]
    assert "expired on" in hosts["late"]["reasons"][0]
    assert hosts["down"]["remedies"] == [
        "start vmfit-agent there, and let 127.0.0.1:9 through firewalls"
    ]


def test_policies_and_stores(doctor, tmp_path):
    Path("bad.yaml").write_text("facts:\n  cpu.featurs: {skip: true}\n")
    status, checks = doctor(
        'policies = ["bad.yaml", "none.yaml"]\nstore = "sqlite:////nonexistent/checks.db"\n'
    )
    assert status == 1
    assert checks["policy bad.yaml"]["reasons"][0].startswith("bad.yaml:2: facts.cpu.featurs")
    assert checks["policy none.yaml"]["reasons"] == ["none.yaml: No such file or directory"]
    assert checks["store"]["state"] == "missing"
    assert "unable to open database file" in checks["store"]["reasons"][0]


def test_a_store_that_cannot_be_written(doctor):
    status, checks = doctor('store = "sqlite:///checks.db"\n')
    assert (status, checks["store"]["state"]) == (0, "ok")
    status, checks = doctor('store = "sqlite:///file:checks.db?mode=ro&uri=true"\n')
    assert (status, checks["store"]["state"]) == (1, "missing")
    assert "readonly" in checks["store"]["reasons"][0]


def test_without_tls(doctor):
    _, checks = doctor("insecure = true\n")
    assert checks["TLS"]["state"] == "partly"
    _, checks = doctor("")
    assert "vmfit certs" in checks["TLS"]["remedies"][0]
    status, checks = doctor('tls_cert = "a.pem"\n')
    assert (status, checks["TLS"]["state"]) == (1, "missing")
    assert "tls_key and tls_ca missing" in checks["TLS"]["reasons"][0]


def test_the_server(doctor, authority):
    client = authority.client(days=300)
    status, checks = doctor(f'server = "127.0.0.1:9"\n{client.settings}')
    assert (status, checks["server 127.0.0.1:9"]["reasons"]) == (
        1,
        ["unavailable: Connection refused"],
    )


def test_the_table(authority, capsys):
    Path("comparator.toml").write_text("insecure = true\n" + host("down", "127.0.0.1:9"))
    assert run(["--config", "comparator.toml", "doctor"]) == 1
    out = capsys.readouterr().out
    assert "missing  host down\n         unavailable: Connection refused\n" in out
    assert "         -> start vmfit-agent there" in out
