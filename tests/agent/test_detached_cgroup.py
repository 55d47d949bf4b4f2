"""Hierarchies of control groups that no mount in sight shows."""

import os
from pathlib import Path

import pytest

from vmfit_agent.host import Host
from vmfit_agent.kernel_files import detached_cgroup
from vmfit_agent.kernel_files.detached_cgroup import detached_hierarchy


def test_a_recorded_host_has_none(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("4:memory:/a\n")
    with detached_hierarchy(Host(tmp_path), "memory") as base:
        assert base is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4:memory:/a\n0::/\n", ("cgroup", ["memory"])),
        # Exactly what is mounted together, or the kernel would be asked for a new hierarchy.
        ("5:cpu,memory:/\n", ("cgroup", ["cpu", "memory"])),
        ("1:name=memory:/\n0::/x\n", ("cgroup2", [])),
        ("1:name=systemd,memory:/\n", None),
        ("3:cpuset:/\n", None),
        ("", None),
    ],
)
def test_it_asks_for_what_is_there_alone(tmp_path, text, expected):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(text)
    assert detached_cgroup._options(Host(tmp_path), "memory") == expected


def open_files():
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_a_refusal_is_none_and_leaves_nothing_open(monkeypatch):
    def refuse(kind, options):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(detached_cgroup, "_mount", refuse)
    before = open_files()
    with detached_hierarchy(Host(), "memory") as base:
        assert base is None
    assert open_files() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_this_hosts_hierarchy_is_read_only_and_mounted_nowhere():
    mounts = Path("/proc/self/mountinfo").read_text()
    with detached_hierarchy(Host(), "memory") as base:
        if base is None:
            pytest.skip("the kernel has no control groups for memory, or does not show them")
        root = Path("/", base)
        assert (root / "cgroup.procs").exists()
        with pytest.raises(OSError, match="Read-only file system"):
            (root / "vmfit-test").mkdir()
        assert Path("/proc/self/mountinfo").read_text() == mounts
