import ctypes
import json
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest

from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest, ProbeRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_agent import __version__, cli, local_host
from vmfit_contract.snapshot_file import read_snapshot, write_snapshot

AGENT = [sys.executable, "-c", "from vmfit_agent.cli import main; main()"]
NO_LIBVIRT = ["--libvirt-uri", "none"]


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    monkeypatch.setattr("vmfit_agent.settings.DEFAULT_PATH", tmp_path / "no-agent.toml")
    for name in list(os.environ):
        if name.startswith("VMFIT_AGENT_"):
            monkeypatch.delenv(name)
    yield
    logging.getLogger().handlers.clear()


@pytest.fixture
def run(fake, monkeypatch, capsys):
    monkeypatch.setattr(local_host, "COLLECTORS", fake.collectors)

    def run(*arguments):
        status = cli.run(list(map(str, arguments)))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_version_and_help(run):
    assert run("--version") == (0, f"vmfit-agent, version {__version__}\n", "")
    status, out, _ = run("--help")
    assert status == 0
    for name in cli.COMMANDS:
        assert f"  {name} " in out


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_explains_itself(run, name):
    status, out, _ = run(name, "--help")
    assert status == 0
    assert f"Usage: vmfit-agent {name}" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["snapshot", "--part", "cpus"], "no part is called 'cpus', did you mean cpu?"),
        (["snapshot", "--address", "a:b:c"], "an IPv6 address needs brackets"),
        (["snapshot", "--address", "localhost:1"], "TLS needs a certificate: give --tls-cert"),
        (["snapshot", "--address", "localhost:1", "--tls-ca", "x"], "belong together"),
        (["snapshot", "--root", "/nonexistent"], "does not exist"),
        (["snapshot", "--file", "/nonexistent/x"], "/nonexistent/x: cannot be written"),
        (["describe"], "give a domain's name or UUID, or --xml FILE"),
        (["describe", "web", "--xml", "x"], "give a domain's name or UUID, or --xml FILE"),
        (["describe", "--xml", "/nonexistent.xml"], "/nonexistent.xml: No such file"),
        (["serve", "--source", "unix:/a", "--replay", "b"], "exclude each other"),
        (["serve", "--source", "a:1", "--insecure"], "must be unix:PATH"),
        (["serve", "--replay", "/nonexistent", "--insecure"], "/nonexistent: cannot be read"),
        (["serve", "--source", "unix:/a", "--listen", "localhost:1"], "needs --insecure"),
        (["serve", "--source", "unix:/a", "--tls-cert", "x"], "belong together"),
        (["serve", "--source", "unix:/a", "--listen", "unix:/nonexistent/s"], "no directory"),
        (
            ["serve", "--source=unix:/a", "--tls-cert=/n1", "--tls-key=/n2", "--tls-ca=/n3"],
            "/n1: cannot be read",
        ),
        (["collect", "--socket", "/nonexistent/s", *NO_LIBVIRT], "no directory /nonexistent"),
        (
            ["--config", "/nonexistent.toml", "doctor"],
            "/nonexistent.toml: cannot be read: No such file",
        ),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(run, arguments, message):
    status, _, err = run(*arguments)
    assert status == 3
    assert err.startswith("vmfit-agent: error: ")
    assert message in err
    assert err.count("\n") == 1


def test_snapshot_json(run):
    status, out, err = run("snapshot", "--part", "identity", "--part", "memory")
    assert status == 0
    assert json.loads(out)["identity"]["hostname"] == "alpha"
    assert "network" not in json.loads(out)
    assert err == ""


def test_snapshot_names_what_is_absent(run, fake):
    fake.error = OSError("sysfs is gone")
    status, out, err = run("snapshot")
    assert status == 0
    assert json.loads(out)["identity"]["hostname"] == "alpha"
    assert "network: sysfs is gone\n" in err
    assert run("snapshot", "--part", "network")[0] == 1


def test_snapshot_to_a_file_in_both_forms(run, tmp_path):
    for form in ("json", "binary"):
        file = tmp_path / form
        assert run("snapshot", "--part", "identity", "-o", form, "--file", file)[:2] == (0, "")
        assert read_snapshot(file).identity.hostname == "alpha"


def test_snapshot_of_a_running_agent(run, fake, serve):
    address, _ = serve(fake.source())
    fake.hostname = "served"
    status, out, _ = run("snapshot", "--part", "identity", "--address", address)
    assert status == 0
    assert json.loads(out)["identity"]["hostname"] == "served"
    status, _, err = run("snapshot", "--address", "unix:/nonexistent.sock")
    assert status == 2
    assert err.startswith("vmfit-agent: error: unix:/nonexistent.sock: unavailable")
    assert len(err.splitlines()) == 1


def test_flags_override_environment_overrides_file(run, fake, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(local_host.HostOptions, "open", lambda self: seen.append(self) or 1 / 0)
    config = tmp_path / "agent.toml"
    config.write_text('libvirt_uris = ["a:///", "b:///"]\nattributes_directory = "/file"\n')
    run("--config", config, "snapshot")
    monkeypatch.setenv("VMFIT_AGENT_LIBVIRT_URI", "c:/// d:///")
    run("--config", config, "snapshot")
    run("--config", config, "snapshot", "--libvirt-uri", "e:///")
    assert [options.libvirt_uris for options in seen] == [
        ("a:///", "b:///"),
        ("c:///", "d:///"),
        ("e:///",),
    ]
    assert {str(options.attributes_directory) for options in seen} == {"/file"}


def test_a_bug_is_one_line(run, monkeypatch):
    monkeypatch.setattr(local_host.HostOptions, "open", lambda _: 1 / 0)
    status, _, err = run("snapshot")
    assert status == 2
    assert err == "vmfit-agent: error: internal error: ZeroDivisionError: division by zero\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("by zero"), "internal error: ZeroDivisionError: by zero"),
        (OSError(28, "No space left on device", "/run/x"), "/run/x: No space left on device"),
    ],
)
def test_a_service_that_a_bug_ends_may_be_started_again(run, monkeypatch, tmp_path, error, told):
    def fail(_):
        raise error

    monkeypatch.setattr(local_host.HostOptions, "open", fail)
    socket = tmp_path / "s.sock"
    for command in (["collect", "--socket", str(socket)], ["serve", "--listen", f"unix:{socket}"]):
        assert run(*command) == (1, "", f"vmfit-agent: error: {told}\n")


def test_describe_xml(run, tmp_path):
    file = tmp_path / "web.xml"
    file.write_text(
        "<domain type='kvm'><name>web</name><memory unit='MiB'>64</memory>"
        "<os><type arch='x86_64'>hvm</type></os></domain>"
    )
    status, out, err = run("describe", "--xml", file, *NO_LIBVIRT)
    assert (status, err) == (0, "")
    assert json.loads(out)["name"] == "web"
    assert Vm.DESCRIPTOR.fields_by_name["memory"].json_name in json.loads(out)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<domain", "web.xml: "),
        (b"\xff\xfe", "web.xml: not UTF-8"),
        (b"<domain>" + b" " * (1 << 20), "web.xml: larger than 1048576 bytes"),
        (b'<!DOCTYPE d [<!ENTITY a "b">]><domain>&a;</domain>', "web.xml: "),
    ],
)
def test_describe_unusable_xml(run, tmp_path, content, message):
    file = tmp_path / "web.xml"
    file.write_bytes(content)
    status, _, err = run("describe", "--xml", file, *NO_LIBVIRT)
    assert status == 3
    assert message in err
    assert len(err.splitlines()) == 1


def test_no_answer_is_another_status(run):
    status, _, err = run("describe", "gone", *NO_LIBVIRT)
    assert (status, "no libvirt URI is configured" in err) == (2, True)


def test_a_reader_that_goes_away():
    words = shlex.join([*AGENT, "snapshot", "--part", "identity", *NO_LIBVIRT])
    script = f"{words} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["snapshot", "--address", "unix:/a", "--address", "unix:/b"], "--address is given twice"),
        (["snapshot", "-o", "alpha.json"], "'alpha.json' is none of json, "),
        (["snapshto"], "No such command 'snapshto', did you mean snapshot?"),
    ],
)
def test_what_was_meant(run, words, told):
    status, _, err = run(*words)
    assert (status, told in err) == (3, True), err


def test_help_and_version_by_name(run):
    assert run("help", "snapshot") == run("snapshot", "--help")
    assert run("version") == run("--version")


def test_a_full_disk_is_one_line(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*AGENT, "snapshot", "--part", "identity", *NO_LIBVIRT],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "vmfit-agent: error: cannot write the answer: No space left on device\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_answer(address, seconds=20):
    """Ask until there is an answer, as a process may still be starting."""
    end = time.monotonic() + seconds
    request = GetSnapshotRequest(parts=["identity"])
    with grpc.insecure_channel(address) as channel:
        while True:
            try:
                return HostMetadataStub(channel).GetSnapshot(request, timeout=5).snapshot
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > end:
                    raise
                time.sleep(0.1)


@pytest.fixture
def start(tmp_path):
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [*AGENT, *map(str, arguments)],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_two_processes_and_their_end(start, tmp_path):
    collect = start("collect", "--socket", tmp_path / "c.sock", *NO_LIBVIRT)
    port = free_port()
    serve = start("serve", "--listen", f"127.0.0.1:{port}", "--insecure",
                  "--source", f"unix:{tmp_path}/c.sock")  # fmt: skip
    assert await_answer(f"127.0.0.1:{port}").identity.hostname == os.uname().nodename
    for process, needless in ((serve, ("libvirt", "psutil")), (collect, ("cygrpc",))):
        loaded = set(Path(f"/proc/{process.pid}/maps").read_text().split())
        assert not [path for path in loaded if any(name in path for name in needless)]
    for process in (serve, collect):
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)
        assert time.monotonic() - began < 5
        assert process.returncode == 0
        assert "Traceback" not in err


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "tgkill"), reason="glibc has no tgkill")
def test_a_signal_ends_the_process_whichever_thread_gets_it(start, tmp_path):
    collect = start("collect", "--socket", tmp_path / "c.sock", *NO_LIBVIRT)
    while "collecting for" not in collect.stderr.readline():
        assert collect.poll() is None
    time.sleep(0.5)
    threads = {int(path.name) for path in Path(f"/proc/{collect.pid}/task").iterdir()}
    other = min(threads - {collect.pid})
    assert ctypes.CDLL(None).tgkill(collect.pid, other, signal.SIGTERM) == 0
    assert collect.wait(10) == 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], None),
        (["--no-probes"], "FAILED_PRECONDITION"),
        (["--probes-per-minute", "1"], "RESOURCE_EXHAUSTED"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "collect"])
def test_options_bound_probes(start, tmp_path, command, options, code):
    place = tmp_path / "a.sock"
    if command == "serve":
        start("serve", "--listen", f"unix:{place}", *NO_LIBVIRT, *options)
    else:
        start("collect", "--socket", tmp_path / "c.sock", *NO_LIBVIRT, *options)
        start("serve", "--listen", f"unix:{place}", "--source", f"unix:{tmp_path}/c.sock")
    await_answer(f"unix:{place}")
    request = ProbeRequest(probes=[{"resolve_name": {"name": "127.0.0.1"}}] * 2)
    with grpc.insecure_channel(f"unix:{place}") as channel:
        call = HostMetadataStub(channel).Probe
        if code is None:
            assert [each.name.addresses for each in call(request).results] == [["127.0.0.1"]] * 2
        else:
            with pytest.raises(grpc.RpcError) as raised:
                call(request)
            assert raised.value.code().name == code


def test_questions_about_the_network_through_three_processes(start, tmp_path):
    config = tmp_path / "agent.toml"
    config.write_text(
        f'prober = "unix:{tmp_path}/p.sock"\nsource = "unix:{tmp_path}/c.sock"\n'
        f'socket = "{tmp_path}/c.sock"\nprobe_ports = [5302, "6000-6001"]\n'
        'probe_hosts = ["192.0.2.0/24"]\n'
    )
    prober = start("--config", config, "probe")
    collect = start("--config", config, "collect", *NO_LIBVIRT)
    start("--config", config, "serve", "--listen", f"unix:{tmp_path}/a.sock")
    await_answer(f"unix:{tmp_path}/a.sock")
    places = [("192.0.2.1", 9), ("198.51.100.1", 6001), ("192.0.2.1", 6002)]
    request = ProbeRequest(
        probes=[
            {"resolve_name": {"name": "192.0.2.1"}},
            *({"connect_port": {"host": host, "port": port}} for host, port in places),
        ]
    )
    with grpc.insecure_channel(f"unix:{tmp_path}/a.sock") as channel:
        results = HostMetadataStub(channel).Probe(request).results
        prober.kill()
        prober.wait()
        [after] = HostMetadataStub(channel).Probe(
            ProbeRequest(probes=[{"resolve_name": {"name": "192.0.2.1"}}])
        ).results  # fmt: skip
    assert results[0].name.addresses == ["192.0.2.1"]
    assert [each.error for each in results[1:]] == [
        "the agent's probe_ports does not allow port 9",
        "the agent's probe_hosts does not allow 198.51.100.1",
        "the agent's probe_ports does not allow port 6002",
    ]
    assert after.error.startswith("the process for questions about the network at unix:")
    assert collect.poll() is None


def test_replay(start, tmp_path):
    snapshot = Snapshot(schema_revision=1)
    snapshot.taken_at.FromSeconds(1_000_000)
    snapshot.identity.hostname = "recorded"
    write_snapshot(snapshot, tmp_path / "host.json")
    start("serve", "--listen", f"unix:{tmp_path}/r.sock", "--replay", tmp_path / "host.json")
    answer = await_answer(f"unix:{tmp_path}/r.sock")
    assert answer.identity.hostname == "recorded"
    assert answer.recorded_at.seconds == 1_000_000


def test_the_serving_process_imports_nothing_that_reads_the_host():
    code = (
        "import sys; import vmfit_agent.cli, vmfit_agent.commands.serve,"
        " vmfit_agent.collect_socket.client;"
        "print([m for m in sys.modules if m.split('.')[0] in ('libvirt', 'psutil', 'pyudev')"
        " or m.startswith('vmfit_agent.collectors')"
        " or (m.startswith('vmfit.') and m.endswith('_pb2'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_flag_beats_what_the_file_says_of_the_source(run, tmp_path):
    config = tmp_path / "agent.toml"
    config.write_text('source = "unix:/nowhere.sock"\ninsecure = true\n')
    status, _, err = run("--config", config, "serve", "--replay", tmp_path / "none.json")
    assert status == 3
    assert "none.json: cannot be read" in err
    config.write_text('source = "unix:/nowhere.sock"\nreplay = "/b"\n')
    assert "exclude each other" in run("--config", config, "serve")[2]


def test_one_process_alone(start, tmp_path):
    start("serve", "--listen", f"unix:{tmp_path}/a.sock", *NO_LIBVIRT)
    assert await_answer(f"unix:{tmp_path}/a.sock").identity.hostname == os.uname().nodename
