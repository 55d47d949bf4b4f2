"""Mistakes that administrators make, on a booted machine: the doctors find each, and mend it."""

import contextlib
import json

import pytest

from tests.booted.test_services import running, settings

__all__ = ["running"]

LIBVIRT = "/run/libvirt/libvirt-sock"
STORE = "/var/lib/vmfit/comparator.db"


def missing(machine, program):
    """Return what a doctor finds wrong, by name, with all that it says."""
    done = machine.try_run(program, "doctor", "-o", "json", seconds=180)
    assert done.stdout, done.stderr
    checks = json.loads(done.stdout)["checks"]
    return {
        each["name"]: " ".join((*each["reasons"], *each["remedies"]))
        for each in checks
        if each["state"] != "ok"
    }


@contextlib.contextmanager
def done(machine, command, undo):
    machine.run("sh", "-euc", command)
    try:
        yield
    finally:
        machine.run("sh", "-euc", undo)


def test_a_service_that_was_stopped(running):
    with done(running, "systemctl stop vmfit-agent", "systemctl start vmfit-agent"):
        found = missing(running, "vmfit-agent")["vmfit-agent.service"]
    assert "not running systemctl enable --now vmfit-agent.service" in found


def test_a_service_whose_certificate_is_not_there(running):
    text = 'tls_cert = "/gone.pem"\ntls_key = "/gone.key"\ntls_ca = "/gone-ca.pem"\n'
    with settings(running, "agent.toml", text):
        running.try_run("systemctl", "restart", "vmfit-agent")
        found = missing(running, "vmfit-agent")
    running.run("systemctl", "restart", "vmfit-agent")
    assert "gone" in found["vmfit-agent.service"]
    assert "then: systemctl restart vmfit-agent.service" in found["vmfit-agent.service"]
    assert "put the file there" in found["TLS /gone.pem"]


def test_libvirts_sockets_are_closed_to_the_collecting_process(running):
    kept = running.try_run("stat", "-c", "%a", LIBVIRT).stdout.strip()
    if not kept:
        pytest.skip("no libvirt is there")
    with done(running, f"chmod 0600 {LIBVIRT}", f"chmod {kept} {LIBVIRT}"):
        found = missing(running, "vmfit-agent")
    assert "usermod -aG libvirt vmfit-collect" in found[f"{LIBVIRT} for vmfit-collect"]
    assert f"{LIBVIRT} for vmfit-collect" not in missing(running, "vmfit-agent")


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (f"chown root: {STORE}", f"chown vmfit-comparator: {STORE}*"),
        (f"chmod 0644 {STORE}", f"chmod 0600 {STORE}*"),
    ],
)
def test_a_store_that_is_somebody_elses_or_everybodys(running, mistake, told):
    with settings(running, "comparator.toml", f'store = "sqlite:///{STORE}"\n'):
        running.run("systemctl", "restart", "vmfit-comparator")
        missing(running, "vmfit")
        undo = f"rm -f {STORE}*"
        with done(running, f"test -e {STORE}; {mistake}", undo):
            found = missing(running, "vmfit")
    running.run("systemctl", "restart", "vmfit-comparator")
    assert told in found["store"]


def test_a_port_that_another_program_has(running):
    command = (
        "systemd-run --unit=other python3 -c '\n"
        "import socket, time\n"
        's = socket.create_server(("127.0.0.1", 16530)); time.sleep(600)\'; '
        "until grep -q :4092 /proc/net/tcp; do sleep 0.1; done"
    )
    text = 'listen = "127.0.0.1:16530"\ninsecure = true\n'
    with settings(running, "agent.toml", text), done(running, command, "systemctl stop other"):
        found = missing(running, "vmfit-agent")
    assert "stop that program, or set another port" in found["address 127.0.0.1:16530"]
