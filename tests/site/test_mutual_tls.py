"""From `vmfit certs ca` to a check, all by commands and over mutual TLS."""

import json

import pytest

LOOPBACK = ("localhost", "127.0.0.1")


@pytest.fixture
def hosts(site):
    """Two agents, by the addresses at which they listen."""
    return [
        site.agent("epyc-four-nodes", site.issue("agent", "epyc", *LOOPBACK)).address,
        site.agent("skylake-memory-only-node", site.issue("agent", "skylake", *LOOPBACK)).address,
    ]


def test_check_diff_baseline_and_snapshot(site, hosts):
    epyc, skylake = hosts
    comparator = site.issue("comparator", "vmfit.example")
    words = ["--from", epyc, "--to", skylake, "-o", "json", *comparator.options]
    result = site.vmfit("check", "archive", *words, "--", "--live")
    assert (result.returncode, result.stderr) == (1, "")
    findings = {each["fact"]: each for each in json.loads(result.stdout)["findings"]}
    assert findings["host.reachable"]["answer"] == "ANSWER_YES"
    assert findings["net.bridge"]["answer"] == "ANSWER_NO"
    client = site.issue("client", "alice@example.org")
    result = site.vmfit("diff", epyc, skylake, "--part", "numa", *client.options)
    assert (result.returncode, result.stderr) == (1, "")
    result = site.vmfit("baseline", epyc, skylake, *client.options)
    assert (result.returncode, result.stderr) == (0, "")
    result = site.run(
        "vmfit-agent", "snapshot", "--part", "identity", "--address", epyc, *client.options
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["identity"]["hostname"] == "epyc-four-nodes"


def test_an_agents_certificate_opens_no_other_agent(site, hosts):
    agent = site.issue("agent", "epyc", *LOOPBACK)
    result = site.vmfit("diff", *hosts, *agent.options)
    assert result.returncode == 2
    assert result.stderr == (
        f"vmfit: error: host {hosts[0]}: it refuses the certificate {agent.certificate}, which is "
        "not for clients: use one for a comparator or a client\n"
    )
    words = ["--part", "identity", "--address", hosts[1], *agent.options]
    result = site.run("vmfit-agent", "snapshot", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert "which is not for clients" in result.stderr


def test_a_stolen_or_foreign_certificate(site, hosts, tmp_path):
    certs = tmp_path / "other"
    site.vmfit("certs", "ca", certs, "--name", "somebody else")
    site.vmfit("certs", "client", "-d", certs, "mallory")
    files = ["--tls-cert", certs / "client-mallory.pem", "--tls-key", certs / "client-mallory.key"]
    ours, theirs = site.certificates / "ca.pem", certs / "ca.pem"
    result = site.vmfit("diff", *hosts, *files, "--tls-ca", ours)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "which was signed by 'CN=somebody else,OU=authority,O=vmfit', not by" in result.stderr
    result = site.vmfit("diff", *hosts, *files, "--tls-ca", theirs)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "its certificate was signed by 'CN=vmfit authority " in result.stderr


def test_doctor_of_both_sides(site, hosts):
    soon = site.issue("agent", "soon", *LOOPBACK, options=("--days", "9"))
    third = site.agent("epyc-four-nodes", soon).address
    comparator = site.issue("comparator", "vmfit.example")
    settings = site.directory / "comparator.toml"
    settings.write_text(
        comparator.settings
        + f'[hosts.epyc]\naddress = "{hosts[0]}"\n[hosts.soon]\naddress = "{third}"\n'
    )
    result = site.vmfit("--config", settings, "doctor", "-o", "json")
    assert result.returncode == 0
    checks = {each["name"]: each for each in json.loads(result.stdout)["checks"]}
    assert (checks["host epyc"]["state"], checks["host soon"]["state"]) == ("ok", "partly")
    assert "in 8 days" in checks["host soon"]["reasons"][1]
    words = ["--libvirt-uri", "none", "--listen", third, *soon.options]
    result = site.run("vmfit-agent", "doctor", "-o", "json", *words)
    checks = {each["name"]: each for each in json.loads(result.stdout)["checks"]}
    certificate = checks[f"TLS {soon.certificate}"]
    assert (certificate["state"], certificate["remedies"]) == ("partly", ["renew it"])
    assert checks[f"address {third}"]["state"] == "ok"
