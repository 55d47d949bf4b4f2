"""Promises of memory on a booted machine: over mutual TLS, past kill -9 and a restart."""

import textwrap

import pytest

from tests.booted.test_services import await_other_pid, pid_of

VM = "11111111-1111-4111-8111-111111111111"
SETTINGS = """
listen = "127.0.0.1:16530"
tls_cert = "/etc/vmfit/pki/agent-localhost.pem"
tls_key = "/etc/vmfit/pki/agent-localhost.key"
tls_ca = "/etc/vmfit/pki/ca.pem"
preparer = "unix:/run/vmfit/prepare.sock"
[roles]
prepare = ["uri:urn:vmfit:comparator"]
"""
ASKING = textwrap.dedent("""
    import sys
    from pathlib import Path
    import grpc
    from google.protobuf.duration_pb2 import Duration
    from vmfit.v1.host_preparation_service_pb2 import ListLeasesRequest, ReserveRequest
    from vmfit.v1.host_preparation_service_pb2_grpc import HostPreparationStub
    from vmfit.v1.preparation_pb2 import Reservation
    who, what, vm = sys.argv[1:]
    pki = Path("/etc/vmfit/pki")
    credentials = grpc.ssl_channel_credentials(
        (pki / "ca.pem").read_bytes(), (pki / f"{who}.key").read_bytes(),
        (pki / f"{who}.pem").read_bytes(),
    )
    with grpc.secure_channel("localhost:16530", credentials) as channel:
        grpc.channel_ready_future(channel).result(60)
        stub = HostPreparationStub(channel)
        try:
            if what == "reserve":
                wanted = [Reservation(size_bytes=1 << 20)]
                request = ReserveRequest(
                    vm_uuid=vm, reservations=wanted, duration=Duration(seconds=3600)
                )
                leases = [stub.Reserve(request, timeout=60).lease]
            else:
                leases = stub.ListLeases(ListLeasesRequest(), timeout=60).leases
            print(*(f"{each.vm_uuid} {each.owner} {each.generation}" for each in leases))
        except grpc.RpcError as error:
            print(error.code().name, error.details())
""")


@pytest.fixture(scope="module")
def preparing(machine):
    """The machine with certificates, a preparer, and the services started."""
    pki = "/etc/vmfit/pki"
    machine.run("mkdir", "-p", "/etc/vmfit")
    for arguments in (
        ("ca", pki),
        ("agent", "-d", pki, "localhost", "127.0.0.1"),
        ("comparator", "-d", pki, "vmfit.example"),
        ("client", "-d", pki, "reader@example.org"),
    ):
        machine.run("vmfit", "certs", *arguments)
    machine.run("chown", "vmfit-agent", f"{pki}/agent-localhost.key")
    machine.run("chmod", "755", pki)
    machine.write("/etc/vmfit/agent.toml", SETTINGS)
    machine.run("systemctl", "enable", "--now", "vmfit-prepare.socket")
    machine.run("systemctl", "restart", "vmfit-collect", "vmfit-agent", seconds=120)
    yield machine
    machine.run("rm", "-r", "/etc/vmfit/agent.toml", pki)
    machine.run("systemctl", "disable", "--now", "vmfit-prepare.socket", "vmfit-prepare.service")
    machine.run("systemctl", "restart", "vmfit-collect", "vmfit-agent", seconds=120)


def ask(machine, who, what):
    program = machine.python(ASKING, who, what, VM, user="root")
    inside = program[program.index("runuser") :]
    return machine.run(*inside).strip()


def test_promises_on_a_booted_machine(preparing):
    # Whoever connects first has systemd start the process.
    granted = ask(preparing, "comparator-vmfit.example", "reserve")
    assert granted.startswith(f"{VM} ")
    assert granted.endswith(" 1")
    refused = ask(preparing, "client-reader@example.org", "reserve")
    assert refused.startswith("PERMISSION_DENIED")
    assert "has not the role prepare" in refused
    assert ask(preparing, "client-reader@example.org", "list") == granted
    pid = pid_of(preparing, "vmfit-prepare")
    # systemd-nspawn hides the kernel's boot id from all but services with a /proc of their own.
    snapshot = preparing.run(
        *("nsenter", "-t", str(pid), "-m", "--", "vmfit-agent", "snapshot"),
        *("--libvirt-uri", "none", "--part", "memory"),
    )
    assert VM in snapshot
    status = preparing.run("cat", f"/proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    user = preparing.run("id", "-un", fields["Uid"].split()[0]).strip()
    assert (user, int(fields["CapEff"], 16), int(fields["CapBnd"], 16)) == ("vmfit-prepare", 0, 0)
    preparing.run("kill", "-KILL", str(pid))
    await_other_pid(preparing, "vmfit-prepare", pid, 30)
    assert ask(preparing, "comparator-vmfit.example", "list") == granted

    # To the kernel, which counts boots and time, a container's reboot is none.
    preparing.reboot()
    preparing.run("systemctl", "start", "vmfit-collect", "vmfit-agent", seconds=120)
    preparing.run("systemctl", "start", "vmfit-prepare.socket")
    assert ask(preparing, "comparator-vmfit.example", "list") == granted
