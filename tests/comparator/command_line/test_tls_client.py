"""Commands over mutual TLS: what works, and for what does not the one line that helps."""

import re
import shutil
from pathlib import Path

import pytest

from tests.comparator.builders import source_snapshot
from tests.comparator.tls_agents import StrangeServer, TlsAgent
from tests.tls_material import TestAuthority, TlsMaterial
from vmfit_comparator.cli import run
from vmfit_contract.tls_files import TlsFiles


@pytest.fixture(autouse=True)
def _no_libvirt_files(monkeypatch, tmp_path):
    nowhere = TlsFiles(*(tmp_path / "nowhere" / each for each in ("cert", "key", "ca")))
    monkeypatch.setattr("vmfit_contract.tls_files.LIBVIRT_CLIENT", nowhere)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def authority(tmp_path):
    return TestAuthority(tmp_path / "ca")


@pytest.fixture
def vmfit(capsys, caplog):
    def vmfit(*words):
        status = run(words)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return vmfit


@pytest.fixture
def refused(vmfit, files):
    """Return the reason why an agent's snapshot cannot be had, which is one line."""

    def refused(agent, *options):
        status, out, err = vmfit("diff", agent.address, "alpha.json", *options)
        assert (status, out, err.count("\n")) == (2, "", 1)
        reason = re.fullmatch(rf"vmfit: error: host {agent.address}: (.*)\n", err)
        assert reason, err
        return reason[1]

    return refused


def test_mutual_tls(vmfit, authority, files, tmp_path):
    client = authority.client()
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        status, _, err = vmfit("diff", agent.address, "alpha.json", *client.options)
        assert (status, err) == (0, "")
        settings = Path("comparator.toml")
        settings.write_text(f'{client.settings}[hosts.one]\naddress = "{agent.address}"\n')
        status, out, _ = vmfit("--config", "comparator.toml", "hosts")
    assert status == 0
    assert agent.address in out


def test_files_from_the_environment_and_relative_paths(vmfit, authority, files, monkeypatch):
    client = authority.client()
    for name, path in (("cert", client.certificate), ("key", client.key), ("ca", client.authority)):
        shutil.copy(path, f"{name}.pem")
        monkeypatch.setenv(f"VMFIT_TLS_{name.upper()}", f"{name}.pem")
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        assert vmfit("diff", agent.address, "alpha.json")[0] == 0


@pytest.mark.parametrize("is_root", [True, False])
def test_libvirts_files_are_used_as_they_are(vmfit, authority, files, monkeypatch, is_root):
    monkeypatch.setattr("os.geteuid", lambda: 0 if is_root else 1000)
    client = authority.client()
    if is_root:
        monkeypatch.setattr(
            "vmfit_contract.tls_files.LIBVIRT_CLIENT",
            TlsFiles(client.certificate, client.key, client.authority),
        )
    else:
        own = Path("~/.pki/libvirt").expanduser()
        own.mkdir(parents=True)
        shutil.copy(client.certificate, own / "clientcert.pem")
        shutil.copy(client.key, own / "clientkey.pem")
        shutil.copy(client.authority, own / "cacert.pem")
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        assert vmfit("diff", agent.address, "alpha.json")[0] == 0


def test_a_certificate_with_another_name_than_the_address(vmfit, authority, files):
    client = authority.client()
    with TlsAgent(source_snapshot(), authority.agent("alpha.example")) as agent:
        text = f'{client.settings}[hosts.one]\naddress = "{agent.address}"\n'
        settings = Path("comparator.toml")
        settings.write_text(text)
        assert vmfit("--config", settings.name, "diff", "one", "alpha.json")[0] == 2
        settings.write_text(text + 'tls_server_name = "alpha.example"\n')
        assert vmfit("--config", settings.name, "diff", "one", "alpha.json")[0] == 0
        settings.write_text(text + 'tls_server_name = "beta.example"\n')
        status, _, err = vmfit("--config", settings.name, "diff", "one", "alpha.json")
    assert status == 2
    assert "its certificate is for 'alpha.example', not for 'beta.example'" in err


def test_without_a_certificate(vmfit, files):
    status, _, err = vmfit("diff", "alpha:1", "alpha.json")
    assert status == 3
    assert err == (
        "vmfit: error: HOST: address 'alpha:1': TLS needs a certificate: give --tls-cert, "
        "--tls-key and --tls-ca, or tls_cert, tls_key and tls_ca in the settings; --insecure "
        "allows plain text\n"
    )
    status, _, err = vmfit("hosts", "--server", "vmfit.example")
    assert err.startswith("vmfit: error: --server: address 'vmfit.example:16531': TLS needs")


def test_files_that_cannot_be_used(vmfit, authority, files):
    client = authority.client()
    status, _, err = vmfit("diff", "alpha:1", "alpha.json", "--tls-cert", str(client.certificate))
    assert err == (
        "vmfit: error: HOST: tls_cert, tls_key and tls_ca belong together: tls_key and tls_ca "
        "missing\n"
    )
    other = TlsMaterial(client.certificate, authority.agent().key, client.authority)
    status, _, err = vmfit("diff", "alpha:1", "alpha.json", *other.options)
    assert status == 3
    assert f"{other.certificate} and {other.key}: not a certificate and its key" in err


def test_it_is_said_what_is_wrong_with_the_agents_certificate(refused, authority, tmp_path):
    client = authority.client()
    cases = {
        "its certificate is for 'alpha.example', '192.0.2.1', not for '127.0.0.1': use such a "
        "name, or say which one to expect by tls_server_name in the inventory": authority.agent(
            "alpha.example", "192.0.2.1"
        ),
        "its certificate expired on ": authority.agent("127.0.0.1", days=-2),
        "its certificate was signed by 'CN=test authority,OU=authority,O=vmfit', which "
        f"{client.authority} does not hold: give": TestAuthority(tmp_path / "other").agent(),
        "is not for servers": authority.client("127.0.0.1"),
    }
    for message, material in cases.items():
        with TlsAgent(source_snapshot(), material) as agent:
            assert message in refused(agent, *client.options)


def test_it_is_said_what_is_wrong_with_the_clients_certificate(refused, authority, tmp_path):
    stranger = TestAuthority(tmp_path / "other").client("stranger")
    cases = {
        "expired on ": authority.client("late", days=-2),
        "which is not for clients: use one for a comparator or a client": authority.agent("alpha"),
        f"which was signed by 'CN=test authority,OU=authority,O=vmfit', not by "
        f"{authority.certificate}": TlsMaterial(
            stranger.certificate, stranger.key, authority.certificate
        ),
    }
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        for message, material in cases.items():
            reason = refused(agent, *material.options)
            assert reason.startswith(f"it refuses the certificate {material.certificate}")
            assert message in reason


def test_an_authority_that_the_agent_does_not_know(refused, authority, tmp_path):
    other = TestAuthority(tmp_path / "other")
    both = tmp_path / "both.pem"
    both.write_bytes(authority.certificate.read_bytes() + other.certificate.read_bytes())
    client = other.client()
    material = TlsMaterial(client.certificate, client.key, both)
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        reason = refused(agent, *material.options)
    assert reason.startswith(f"it refuses the certificate {client.certificate}: does its tls_ca")


def test_plain_text_and_tls_meet(refused, authority):
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        assert refused(agent, "--insecure") == (
            "it speaks TLS: give --tls-cert, --tls-key and --tls-ca (or tls_cert, tls_key and "
            "tls_ca in the settings) and leave out --insecure"
        )
    with TlsAgent(source_snapshot()) as agent:
        assert refused(agent, *authority.client().options) == (
            "it serves plain text: give it a certificate, or --insecure here to go without TLS"
        )


def test_what_is_no_agent(refused, authority):
    client = authority.client()
    with StrangeServer(b"SSH-2.0-OpenSSH_9.2\r\n") as server:
        assert "something else listens on that port" in refused(server, *client.options)
    with StrangeServer(b"") as server:
        assert refused(server, "--insecure").startswith("unavailable: ")


def test_causes_beyond_tls_are_left_as_they_are(refused, authority):
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        pass
    assert refused(agent, *authority.client().options) == "unavailable: Connection refused"


def test_insecure_and_certificates_exclude_each_other(vmfit, authority, files, monkeypatch):
    client = authority.client()
    status, _, err = vmfit("diff", "alpha:1", "alpha.json", "--insecure", *client.options)
    assert (status, err) == (3, "vmfit: error: --insecure and --tls-cert exclude each other\n")
    Path("comparator.toml").write_text(client.settings)
    with TlsAgent(source_snapshot()) as agent:
        words = ["--config", "comparator.toml", "diff", agent.address, "alpha.json"]
        assert vmfit(*words)[0] == 2
        assert vmfit(*words, "--insecure")[0] == 0
    monkeypatch.setenv("VMFIT_INSECURE", "1")
    with TlsAgent(source_snapshot(), authority.agent()) as agent:
        assert vmfit("diff", agent.address, "alpha.json", *client.options)[0] == 0


def test_plain_text_beyond_this_machine_says_once_what_it_means(vmfit, files, caplog):
    Path("comparator.toml").write_text(
        'insecure = true\n[hosts.a]\naddress = "192.0.2.1"\n[hosts.b]\naddress = "192.0.2.2"\n'
    )
    vmfit("--config", "comparator.toml", "hosts", "--timeout", "0.2")
    (line,) = caplog.messages
    assert re.match(r"--insecure: plain text to 192\.0\.2\.[12]:16530: whoever is on the way", line)
    caplog.clear()
    with TlsAgent(source_snapshot()) as agent:
        assert vmfit("diff", agent.address, "alpha.json", "--insecure")[0] == 0
    assert caplog.messages == []
