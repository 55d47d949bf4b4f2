"""The kernel, its limits and the clock, from made-up hosts."""

import struct

import pytest

from vmfit.v1.host_pb2 import Clock
from vmfit_agent.collectors import (
    clock,
    kernel,
)
from vmfit_agent.processors import kvm
from vmfit_agent.redaction.parameters import redact_parameters

DAEMON = {"proc/77/comm": "libvirtd\n", "proc/7/comm": "bash\n"}


def test_kernel_limits_are_those_of_the_libvirt_daemon(tree):
    limits = (
        "Limit                     Soft Limit           Hard Limit           Units\n"
        "Max open files            8192                 524288               files\n"
        "Max locked memory         65536                {}                   bytes\n"
    )
    files = {
        **DAEMON,
        "run/libvirtd.pid": "77",
        "proc/77/limits": limits.format("67108864"),
        "proc/77/status": "Name:\tlibvirtd\nCpus_allowed_list:\t0-1,4\n",
        "proc/77/cgroup": "0::/libvirtd\n",
        "sys/fs/cgroup/libvirtd/cgroup.procs": "77\n",
        "sys/fs/cgroup/libvirtd/pids.max": "32768\n",
        "proc/sys/fs/aio-nr": "12\n",
        "proc/sys/fs/file-nr": "1024\t0\t9223372036854775807\n",
    }
    host = tree(files)
    found = kernel.collect(host).limits
    assert (found.nofile_hard_count, found.memlock_hard_bytes) == (524288, 64 << 20)
    assert not found.memlock_unlimited
    assert list(found.allowed_cpu_ids) == [0, 1, 4]
    assert (found.pids_max_count, found.aio_used_count, found.file_used_count) == (32768, 12, 1024)
    assert not found.HasField("pid_max")
    (host.root / "proc/77/limits").write_text(limits.format("unlimited"))
    found = kernel.collect(host).limits
    assert found.memlock_unlimited
    assert not found.HasField("memlock_hard_bytes")


@pytest.mark.parametrize(
    ("capabilities", "raisable"), [("000001ffffffffff", True), ("000001fffeffffff", False)]
)
def test_privileges_that_guests_starts_need(tree, capabilities, raisable):
    files = {
        **DAEMON,
        "run/libvirtd.pid": "77",
        "proc/77/status": f"Name:\tlibvirtd\nCapEff:\t{capabilities}\n",
        "proc/sys/vm/unprivileged_userfaultfd": "0\n",
    }
    found = kernel.collect(tree(files)).limits
    assert found.limits_raisable == raisable
    assert found.HasField("unprivileged_userfaultfd")
    assert not found.unprivileged_userfaultfd


def test_a_pid_file_of_a_process_that_is_gone_is_not_believed(tree):
    found = kernel.collect(tree({"run/libvirtd.pid": "7", **DAEMON, "proc/7/limits": "x"})).limits
    assert not found.HasField("nofile_hard_count")


def test_a_daemon_in_a_container_is_not_the_hosts(tree):
    files = {
        "proc/5/comm": "libvirtd\n",
        "proc/5/status": "Name:\tlibvirtd\nNSpid:\t5\t1\nCpus_allowed_list:\t0\n",
        "proc/77/comm": "libvirtd\n",
        "proc/77/status": "Name:\tlibvirtd\nNSpid:\t77\nCpus_allowed_list:\t3\n",
    }
    host = tree(files)
    assert list(kernel.collect(host).limits.allowed_cpu_ids) == [3]
    (host.root / "proc/77/comm").write_text("gone\n")
    assert not kernel.collect(host).limits.allowed_cpu_ids


def test_kvm_that_is_no_device_is_not_usable(tmp_path):
    assert kvm.is_usable(str(tmp_path / "missing")) is False
    (tmp_path / "kvm").write_text("")
    assert kvm.is_usable(str(tmp_path / "kvm")) is False


def test_kernel_modules_and_devices(tree):
    part = kernel.collect(
        tree(
            {
                "proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
                "proc/modules": "kvm_intel 380928 0 - Live 0x0\next4 983040 1 - Live 0x0\n",
                "sys/module/kvm_intel/parameters/nested": "Y\n",
                "sys/module/vhost/parameters/max_mem_regions": "64\n",
                "dev/vhost-net": "",
                "dev/net/tun": "",
            }
        )
    )
    assert part.release == "6.1.0-18-amd64"
    assert [(m.name, m.builtin, dict(m.parameters)) for m in part.modules] == [
        ("kvm_intel", False, {"nested": "Y"}),
        ("vhost", True, {"max_mem_regions": "64"}),
    ]
    assert list(part.device_nodes) == ["vhost-net", "net/tun"]
    assert not part.HasField("kvm_usable")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ro quiet\n", ["ro", "quiet"]),
        ('a="b c" d', ['a="b c"', "d"]),
        ("rd.iscsi.password=hunter2 x", ["rd.iscsi.password=***", "x"]),
        ("netroot=iscsi:me:hunter2:in:pass@10.0.0.1::3260::iqn.x", None),
        ('broken="quote', ['broken="quote']),
    ],
)
def test_the_command_line_keeps_its_parameters_and_no_password(text, expected):
    found = redact_parameters(text)
    if expected is None:
        assert found == ["netroot=iscsi:***@10.0.0.1::3260::iqn.x"]
    else:
        assert found == expected


def timex(offset, status):
    return struct.pack("@I4li", 0, offset, 0, 1500, 250, status) + bytes(256)


@pytest.mark.parametrize(
    ("state", "status", "daemon", "synchronised", "offset"),
    [
        (0, 0x2001, "ntpd", True, -0.002),
        (0, 0x0001, "ntpd", True, -2.0),
        (0, 0x2000, "chronyd", True, None),
        (0, 0x2001, None, True, None),
        (5, 0x2001, "ntpd", False, None),
        (0, 0x2041, "ntpd", False, None),
    ],
)
def test_what_the_kernel_says_of_the_clock(state, status, daemon, synchronised, offset):
    part = Clock(daemon=daemon)
    clock.fill_from_timex(part, state, timex(2_000_000, status))
    assert part.synchronised is synchronised
    assert (part.offset_seconds if part.HasField("offset_seconds") else None) == offset
    assert (part.maximum_error_seconds, part.estimated_error_seconds) == (0.0015, 0.00025)


def test_the_clock_of_a_recorded_host(tree):
    host = tree({"proc/9/comm": "systemd-timesyn\n", "proc/uptime": "123.45 1.0\n"})
    (host.root / "etc").mkdir()
    (host.root / "etc/localtime").symlink_to("../usr/share/zoneinfo/Europe/Prague")
    part = clock.collect(host)
    assert (part.daemon, part.uptime_seconds) == ("systemd-timesyncd", 123)
    assert part.time_zone == "Europe/Prague"
    assert not part.HasField("synchronised")
    assert not part.HasField("wall_clock")
