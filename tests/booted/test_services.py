"""The services as shipped, on a machine that systemd has booted: no configuration at all."""

import contextlib
import subprocess
import textwrap
import time

import pytest

SERVICES = ("vmfit-collect", "vmfit-probe", "vmfit-agent", "vmfit-comparator")
AGENT = "unix:/run/vmfit-agent/agent.sock"
COMPARATOR = "unix:/run/vmfit-comparator/comparator.sock"


@pytest.fixture(scope="session")
def running(machine):
    """The machine with its services started, as `systemctl enable --now` would."""
    machine.run("systemctl", "start", *(f"{each}.service" for each in SERVICES), seconds=120)
    return machine


def pid_of(machine, service):
    return int(machine.show(service, "MainPID")["MainPID"])


def await_other_pid(machine, service, pid, seconds):
    """Wait until the service runs again as another process; return how long that took."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        shown = machine.show(service, "MainPID", "ActiveState", "SubState")
        if shown["SubState"] == "running" and int(shown["MainPID"]) not in (0, pid):
            return time.monotonic() - started
        time.sleep(0.2)
    raise AssertionError(f"{service}: {shown}\n{machine.log(service)[-2000:]}")


@contextlib.contextmanager
def settings(machine, name, text):
    """Have a settings file there for a while."""
    inside = f"/etc/vmfit/{name}"
    machine.write(inside, text)
    try:
        yield
    finally:
        machine.run("rm", "-f", inside)


@contextlib.contextmanager
def drop_ins(machine, text):
    """Have the services run with other settings of their units for a while."""
    for service in SERVICES:
        machine.write(f"/run/systemd/system/{service}.service.d/test.conf", f"[Service]\n{text}\n")
    machine.run("systemctl", "daemon-reload")
    try:
        machine.run("systemctl", "restart", *SERVICES, seconds=120)
        yield
    finally:
        machine.run("sh", "-c", "rm -r /run/systemd/system/vmfit-*.service.d")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", *SERVICES, seconds=120)


def answers(machine):
    snapshot = machine.run("vmfit-agent", "snapshot", "--address", AGENT, "--part", "memory")
    assert '"totalBytes"' in snapshot
    assert "cpu.features" in machine.run("vmfit", "facts", "--server", COMPARATOR)


def test_all_are_active_and_answer(running):
    shown = {each: running.show(each, "ActiveState", "StatusText") for each in SERVICES}
    assert {each: state["ActiveState"] for each, state in shown.items()} == dict.fromkeys(
        SERVICES, "active"
    )
    assert all(state["StatusText"] for state in shown.values())
    answers(running)


def test_each_runs_as_a_user_of_its_own_with_the_rights_it_needs(running):
    rights = {}
    for service in SERVICES:
        status = running.run("cat", f"/proc/{pid_of(running, service)}/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        name = running.run("id", "-un", fields["Uid"].split()[0]).strip()
        rights[name] = int(fields["CapEff"], 16), int(fields["CapBnd"], 16), fields["NoNewPrivs"]
    # DAC_READ_SEARCH, SETGID, SETUID, SYS_RAWIO; a program that it starts gets none of them.
    some = 1 << 2 | 1 << 6 | 1 << 7 | 1 << 17
    assert rights == {
        "vmfit-collect": (some, some, "1"),
        "vmfit-probe": (0, 0, "1"),
        "vmfit-agent": (0, 0, "1"),
        "vmfit-comparator": (0, 0, "1"),
    }
    ambient = running.run("cat", f"/proc/{pid_of(running, 'vmfit-collect')}/status")
    assert "CapAmb:\t0000000000000000" in ambient


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_is_back(running, service):
    pid = pid_of(running, service)
    running.run("kill", "-KILL", str(pid))
    await_other_pid(running, service, pid, 30)
    answers(running)


ASKING = textwrap.dedent("""
    import sys, time
    import grpc
    from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest
    from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
    from vmfit.v1.comparator_service_pb2 import ListFactsRequest
    from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
    end, answered = time.monotonic() + float(sys.argv[3]), 0
    with grpc.insecure_channel(sys.argv[1]) as agent, grpc.insecure_channel(sys.argv[2]) as other:
        while time.monotonic() < end:
            HostMetadataStub(agent).GetSnapshot(GetSnapshotRequest(parts=["memory"]), timeout=10)
            ComparatorStub(other).ListFacts(ListFactsRequest(), timeout=10)
            answered += 2
            if answered == 2:
                print("begun", flush=True)
    print(answered)
""")


def test_a_reload_keeps_the_process_and_drops_no_call(running):
    pids = {each: pid_of(running, each) for each in SERVICES}
    command = running.command("/usr/lib/vmfit/bin/python3", "-c", ASKING, AGENT, COMPARATOR, "5")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as ask:
        assert ask.stdout.readline() == "begun\n"
        with settings(running, "comparator.toml", "[hosts.alpha]\naddress = 'alpha:1'\n"):
            for service in SERVICES:
                running.run("systemctl", "reload", service)
            time.sleep(1)
            hosts = running.try_run("vmfit", "hosts", "--server", COMPARATOR).stdout
        running.run("systemctl", "kill", "--signal=HUP", "--kill-who=main", *SERVICES)
        printed, errors = ask.communicate(timeout=60)
    assert "alpha" in hosts
    assert (ask.returncode, errors) == (0, "")
    assert int(printed) > 20
    assert {each: pid_of(running, each) for each in SERVICES} == pids
    for service in SERVICES:
        assert "the configuration was read again" in running.log(service)


def test_the_watchdog_restarts_what_has_stopped(running):
    with drop_ins(running, "WatchdogSec=4"):
        # With progress nobody is restarted.
        pids = {each: pid_of(running, each) for each in SERVICES}
        time.sleep(6)
        assert {each: pid_of(running, each) for each in SERVICES} == pids
        for pid in pids.values():
            running.run("kill", "-STOP", str(pid))
        for service, pid in pids.items():
            await_other_pid(running, service, pid, 40)
            assert "watchdog" in running.log(service).lower()
    answers(running)


@pytest.mark.parametrize(
    ("service", "file"),
    [
        ("vmfit-collect", "agent.toml"),
        ("vmfit-probe", "agent.toml"),
        ("vmfit-agent", "agent.toml"),
        ("vmfit-comparator", "comparator.toml"),
    ],
)
def test_a_wrong_configuration_fails_once(running, service, file):
    with settings(running, file, "insecure = 'maybe'\n"):
        before = running.log(service).count("insecure: must be true or false")
        # What runs goes on as it was.
        pid = pid_of(running, service)
        running.run("systemctl", "reload", service)
        time.sleep(0.5)
        assert pid_of(running, service) == pid
        assert running.log(service).count("insecure: must be true or false") == before + 1
        assert running.try_run("systemctl", "restart", service).returncode != 0
        time.sleep(4)
        shown = running.show(service, "ActiveState", "Result", "ExecMainStatus", "NRestarts")
        assert (shown["ActiveState"], shown["ExecMainStatus"]) == ("failed", "3")
        assert running.log(service).count("insecure: must be true or false") == before + 2
    running.run("systemctl", "start", service)
    answers(running)
