"""Whether the agent can serve as it is configured, as `vmfit-agent doctor` tells."""

import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tls_material import TestAuthority
from vmfit_agent import cli, service_diagnosis
from vmfit_agent.service_diagnosis import Serving, diagnose_service
from vmfit_contract.address import Address
from vmfit_contract.tls_files import TlsFiles

NOWHERE = TlsFiles(*(Path("/nonexistent") / each for each in "abc"))
PROGRAM = Path(sys.executable).with_name("vmfit-agent")


@pytest.fixture(autouse=True)
def _no_libvirt_files(monkeypatch):
    monkeypatch.setattr(service_diagnosis, "LIBVIRT_SERVER", NOWHERE)


@pytest.fixture
def authority(tmp_path):
    return TestAuthority(tmp_path / "ca")


def serving(material=None, listen=Address("127.0.0.1", 0), *, insecure=False):  # noqa: B008
    if material is None:
        return Serving(listen, insecure, None, None, None)
    return Serving(listen, insecure, material.certificate, material.key, material.authority)


def checks(*arguments, **keywords):
    return {each.name: each for each in diagnose_service(serving(*arguments, **keywords))}


def test_certificates(authority):
    material = authority.agent("alpha", days=300)
    found = checks(material)
    names = (material.certificate, material.key, material.authority)
    assert [found[f"TLS {path}"].state for path in names] == ["ok", "ok", "ok"]
    assert all(found[f"TLS {path}"].is_essential for path in names)
    late = authority.agent("late", days=-3)
    check = checks(late)[f"TLS {late.certificate}"]
    assert (check.state, check.remedies) == ("missing", ("renew it",))


def test_the_names_of_this_host_are_looked_for(authority, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "alpha")
    monkeypatch.setattr("socket.getfqdn", lambda name: f"{name}.example")
    everywhere = Address("::", 0)
    right, wrong = authority.agent("alpha.example", days=300), authority.agent("beta", days=300)
    assert checks(right, everywhere)[f"TLS {right.certificate}"].state == "ok"
    check = checks(wrong, everywhere)[f"TLS {wrong.certificate}"]
    assert check.state == "partly"
    assert "no name of this host among them: alpha.example, alpha" in check.reasons


def test_without_certificates(tmp_path):
    assert checks()["TLS"].state == "missing"
    assert "vmfit certs agent" in checks()["TLS"].remedies[0]
    check = checks(insecure=True)["TLS"]
    assert (check.state, check.reasons) == (
        "partly",
        ("off (insecure): anybody may ask, and listen",),
    )
    assert checks(listen=Address(path=str(tmp_path / "s")))["TLS"].state == "ok"


def test_some_files_are_not_enough(authority):
    material = authority.agent("alpha")
    found = list(
        diagnose_service(Serving(Address("127.0.0.1", 0), False, material.certificate, None, None))
    )
    assert found[0].reasons == (
        "tls_cert, tls_key and tls_ca belong together: tls_key and tls_ca missing",
    )
    assert found[0].is_essential


def test_libvirts_files_are_looked_at_where_no_others_are_named(authority, monkeypatch):
    material = authority.agent("alpha", days=300)
    files = TlsFiles(material.certificate, material.key, material.authority)
    monkeypatch.setattr(service_diagnosis, "LIBVIRT_SERVER", files)
    check = checks()[f"TLS {material.certificate}"]
    assert (check.state, check.is_essential) == ("ok", False)


@pytest.mark.skipif(os.geteuid() != 0, reason="acts as another user")
def test_files_are_read_as_the_services_user(authority, monkeypatch, tmp_path):
    material = authority.agent("alpha", days=300)
    monkeypatch.setattr(service_diagnosis, "_USERS", ("nobody",))
    for directory in (authority.directory, *authority.directory.parents[:-2]):
        directory.chmod(0o711)
    found = checks(material)
    assert found[f"TLS {material.certificate}"].state == "ok"
    key = found[f"TLS {material.key}"]
    assert (key.state, key.reasons) == ("missing", ("Permission denied",))
    assert "let the service's user read it" in key.remedies[0]
    os.chown(material.key, pwd.getpwnam("nobody").pw_uid, -1)
    assert checks(material)[f"TLS {material.key}"].state == "ok"


def test_the_address(tmp_path):
    assert checks()["address 127.0.0.1:0"].reasons == ("free",)
    check = checks(listen=Address("192.0.2.1", 1))["address 192.0.2.1:1"]
    assert (check.state, check.reasons) == ("missing", ("Cannot assign requested address",))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check = checks(listen=Address("127.0.0.1", port))[f"address 127.0.0.1:{port}"]
    assert (check.state, check.is_essential) == ("missing", True)
    assert check.reasons[0].startswith("taken by ")
    assert f"pid {os.getpid()}" in check.reasons[0]


def test_unix_sockets(tmp_path):
    path = tmp_path / "agent.sock"
    address = Address(path=str(path))
    assert checks(listen=address)[f"address {address}"].reasons == ("free",)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert "in use" in checks(listen=address)[f"address {address}"].reasons[0]
    missing = Address(path="/nonexistent/agent.sock")
    assert checks(listen=missing)[f"address {missing}"].state == "missing"


def test_an_agent_that_runs_holds_its_own_address(authority):
    material = authority.agent(days=300)
    words = [PROGRAM, "serve", "--listen", "127.0.0.1:0", *material.options]
    with subprocess.Popen(
        [*words, "--libvirt-uri", "none"], stderr=subprocess.PIPE, text=True
    ) as agent:
        try:
            line = ""
            while "serving on" not in line:
                line = agent.stderr.readline()
                assert agent.poll() is None
            port = int(line.partition("127.0.0.1:")[2].split(",")[0])
            check = checks(listen=Address("127.0.0.1", port))[f"address 127.0.0.1:{port}"]
        finally:
            agent.terminate()
            agent.communicate()
    assert check.state == "ok"
    assert f"pid {agent.pid}" in check.reasons[0]


def test_doctor_reads_the_settings(authority, tmp_path, capsys, fake, monkeypatch):
    monkeypatch.setattr("vmfit_agent.commands.doctor.COLLECTORS", fake.collectors)
    material = authority.agent("alpha", days=-1)
    settings = tmp_path / "agent.toml"
    settings.write_text(f'listen = "127.0.0.1:0"\n{material.settings}libvirt_uris = []\n')
    status = cli.run(["--config", str(settings), "doctor"])
    out = capsys.readouterr().out
    assert status == 1
    assert f"Essential and missing: TLS {material.certificate}\n" in out
    assert "expired on" in out


def test_the_address_that_the_service_itself_listens_on(tmp_path):
    program = tmp_path / "vmfit-agent"
    program.write_text(
        "import socket\n"
        "with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "    print(server.getsockname()[1], flush=True)\n"
        "    input()\n"
    )
    # As the packages start it.
    with subprocess.Popen(
        [sys.executable, "-I", program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as service:
        port = int(service.stdout.readline())
        check = checks(listen=Address("127.0.0.1", port))[f"address 127.0.0.1:{port}"]
        service.communicate(b"\n")
    assert (check.state, check.reasons[0].endswith(f"pid {service.pid}")) == ("ok", True)
