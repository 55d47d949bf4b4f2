"""What each service may and may not do, on a machine that systemd has booted."""

import difflib
import json
import subprocess
import textwrap
import time

import pytest

from tests.booted.test_services import AGENT, COMPARATOR, pid_of, running

__all__ = ["running"]

CONNECT = """
import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
except PermissionError:
    print("refused")
else:
    print("open")
"""


def may_connect(machine, user, path):
    done = subprocess.run(
        machine.python(CONNECT, path, user=user), capture_output=True, text=True, check=True
    )
    return {"open\n": True, "refused\n": False}[done.stdout]


def test_who_may_open_which_socket(running):
    sockets = {
        "/run/vmfit/collect.sock": {"vmfit-collect", "vmfit-agent"},
        "/run/vmfit/probe.sock": {"vmfit-probe", "vmfit-collect"},
        AGENT.removeprefix("unix:"): {"vmfit-agent"},
        COMPARATOR.removeprefix("unix:"): {"vmfit-comparator"},
    }
    users = ("vmfit-collect", "vmfit-probe", "vmfit-agent", "vmfit-comparator", "nobody")
    found = {path: {user for user in users if may_connect(running, user, path)} for path in sockets}
    assert found == sockets


def test_the_store_is_its_owners(running):
    running.run("mkdir", "-p", "/etc/vmfit")
    store = 'store = "sqlite:////var/lib/vmfit/comparator.db"'
    running.run("sh", "-c", f"echo '{store}' >/etc/vmfit/comparator.toml")
    try:
        running.run("systemctl", "restart", "vmfit-comparator")
        running.run("vmfit", "calibration", "--server", COMPARATOR)
        modes = running.run("find", "/var/lib/vmfit", "-printf", "%M %u %f\\n").splitlines()
    finally:
        running.run("rm", "/etc/vmfit/comparator.toml")
        running.run("systemctl", "restart", "vmfit-comparator")
    assert "drwx------ vmfit-comparator vmfit" in modes
    assert "-rw------- vmfit-comparator comparator.db" in modes
    assert all(mode[4:10] == "------" for mode in modes)


# Run as the service itself would run it: in its namespaces, with its rights and filters.
def confined(machine, service, program):
    """Return what a Python program prints that runs in place of a service."""
    unit = f"{service}-instead"
    text = machine.run("systemctl", "cat", f"{service}.service")
    lines = [
        line for line in text.splitlines()
        if not line.startswith(("#", "ExecStart=", "Type=", "WatchdogSec=", "Restart", "OnFailure=",
                                "Requires=", "ExecReload=", "RuntimeDirectory", "StateDirectory"))
    ]  # fmt: skip
    start = f"[Service]\nType=oneshot\nExecStart=/usr/lib/vmfit/bin/python3 /run/{unit}.py\n"
    machine.write(f"/run/systemd/system/{unit}.service", "\n".join(lines) + "\n" + start)
    machine.write(f"/run/{unit}.py", textwrap.dedent(program))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", f"{unit}.service")
    return machine.log(f"{unit}.service")


NETWORK = """
    import errno, socket
    for family in ("AF_INET", "AF_INET6", "AF_PACKET"):
        try:
            socket.socket(getattr(socket, family), socket.SOCK_DGRAM)
            print(family, "allowed")
        except OSError as error:
            print(family, errno.errorcode[error.errno])
"""


@pytest.mark.parametrize(
    ("service", "families"),
    [
        ("vmfit-collect", {"AF_INET": False, "AF_INET6": False, "AF_PACKET": False}),
        ("vmfit-agent", {"AF_INET": True, "AF_INET6": True, "AF_PACKET": False}),
        ("vmfit-comparator", {"AF_INET": True, "AF_INET6": True, "AF_PACKET": False}),
        ("vmfit-probe", {"AF_INET": True, "AF_INET6": True, "AF_PACKET": False}),
    ],
)
def test_collect_has_no_network(running, service, families):
    log = confined(running, service, NETWORK)
    found = {name: f"{name} allowed" in log for name in families}
    assert found == families
    if not families["AF_INET"]:
        assert "AF_INET EAFNOSUPPORT" in log


WRITING = """
    import os
    for path in ("/etc/x", "/usr/x", "/root/x", "/var/lib/libvirt/x", "/home/x", "/srv/x", "/run/x",
                 "/sys/kernel/mm/ksm/run", "/proc/sys/vm/swappiness"):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
            print(path, "written")
        except OSError:
            print(path, "refused")
    for path in ("/etc/shadow", "/root/secret"):
        try:
            print(path, "read" if os.read(os.open(path, os.O_RDONLY), 1) else "")
        except OSError:
            print(path, "refused")
    print("root" if os.system("true") == 0 and os.geteuid() == 0 else "not root")
    try:
        os.setuid(0)
        print("became root")
    except OSError:
        print("stayed")
"""


def test_nobody_writes_and_only_collect_reads_what_is_not_its_own(running):
    running.write("/root/secret", "x")
    running.run("chmod", "600", "/root/secret")
    for service in ("vmfit-collect", "vmfit-agent", "vmfit-comparator", "vmfit-probe"):
        log = confined(running, service, WRITING)
        assert "written" not in log, service
        assert "not root" in log
        if service == "vmfit-collect":
            assert "/etc/shadow read" in log
        else:
            assert "/etc/shadow refused" in log, service
            assert "/root/secret refused" in log, service
            assert "stayed" in log, service


def snapshots(machine):
    """Return the snapshot that the services give, and one that root takes without any bounds."""
    found = []
    for options in (["--address", AGENT], []):
        machine.run("vmfit-agent", "snapshot", *options, "--file", "/root/snapshot.json")
        found.append(json.loads(machine.run("cat", "/root/snapshot.json")))
    return found


def lasting(snapshot):
    """Return what does not differ from one moment to the next, by part."""
    changing = {"availableBytes", "wallClock", "uptimeSeconds", "freeBytes", "committedBytes",
                "fileUsedCount", "availableInodeCount", "reclaimableBytes", "bootId",
                "totalBytes"}  # fmt: skip

    def without(value):
        if isinstance(value, dict):
            return {key: without(each) for key, each in value.items() if key not in changing}
        return [without(each) for each in value] if isinstance(value, list) else value

    parts = {each["name"] for each in snapshot["parts"]}
    camel = {name: name.split("_")[0] + "".join(w.title() for w in name.split("_")[1:])
             for name in parts}  # fmt: skip
    return {name: without(snapshot.get(key)) for name, key in camel.items()}


def differences(one, other):
    lines = [json.dumps(each, indent=1, sort_keys=True).splitlines() for each in (one, other)]
    return difflib.unified_diff(*lines, "confined", "free", n=3, lineterm="")


def test_collect_tells_of_the_host_what_root_would(running):
    running.run("systemctl", "start", "libvirtd.service")
    running.run("systemctl", "restart", "vmfit-collect")
    confined, free = (lasting(each) for each in snapshots(running))
    for parts in (confined, free):
        # systemd hides its credentials from services; the kernel's own files it covers.
        for mount in parts["mounts"]["mounts"]:
            if mount["mountPoint"].startswith(("/run/credentials", "/proc", "/sys", "/dev")):
                mount.pop("fsid", None)
                mount.pop("sizeBytes", None)
    assert confined.keys() == free.keys()
    assert "\n".join(differences(confined, free)) == ""
    assert free["hypervisor"]


def test_a_mount_made_later_is_seen_with_its_own_flags(running):
    pid = pid_of(running, "vmfit-collect")
    running.run("mkdir", "-p", "/srv/late", "/usr/late")
    running.run("mount", "-t", "tmpfs", "-o", "size=1m", "late", "/srv/late")
    running.run("mount", "-t", "tmpfs", "-o", "size=2m,noexec", "late", "/usr/late")
    try:
        time.sleep(1.5)
        found = []
        for snapshot in snapshots(running):
            mounts = {each["mountPoint"]: each for each in snapshot["mounts"]["mounts"]}
            found.append([mounts.get("/srv/late"), mounts.get("/usr/late")])
        assert found[0] == found[1]
        assert [each["sizeBytes"] for each in found[0]] == [str(1 << 20), str(2 << 20)]
        # ProtectSystem= makes what is below /usr read-only for the service itself.
        assert not found[0][1]["readOnly"]
    finally:
        running.run("umount", "/srv/late", "/usr/late")
    time.sleep(1.5)
    mounts = snapshots(running)[0]["mounts"]["mounts"]
    assert "/srv/late" not in [each["mountPoint"] for each in mounts]
    assert pid_of(running, "vmfit-collect") == pid
