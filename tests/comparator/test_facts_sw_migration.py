"""What libvirt and QEMU can do of the flags asked for: as measured with libvirt 9.0, QEMU 7.2."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.tables import case_of, cases
from vmfit.v1.vm_pb2 import VM_STATE_PAUSED
from vmfit_comparator.virsh_options import parse_virsh_migrate

CONNECTION = "hypervisor.connections[0]"
LIMITS = "destination.kernel.limits"
FAULTS = {f"{LIMITS}.unprivileged_userfaultfd": True}


def flags(text, **changes):
    """The options of a `virsh migrate` command, and changes to the hosts."""
    command = parse_virsh_migrate(text.split(), lambda path: path)
    return {
        **{
            f"options.{field.name}": _plain(value) if field.is_repeated else value
            for field, value in command.options.ListFields()
        },
        "options.live": command.options.live,
        **changes,
    }


def _plain(value):
    return dict(value) if hasattr(value, "items") else list(value)


def with_versions(text, libvirt=9_000_000, qemu=7_002_000):
    return {
        **flags(text),
        f"hosts.{CONNECTION}.libvirt_version": libvirt,
        f"hosts.{CONNECTION}.hypervisor_version": qemu,
    }


ACCEPTED = """
--live
--live --p2p
--live --p2p --direct
--live --p2p --tunnelled
--live --p2p --tunnelled --bandwidth 10
--live --parallel --parallel-connections 4
--live --compressed
--live --compressed --comp-methods mt,xbzrle
--live --comp-methods xbzrle
--live --compressed --comp-methods xbzrle --comp-xbzrle-cache 65536
--live --parallel --compressed --comp-methods xbzrle
--live --parallel --compressed
--live --auto-converge --auto-converge-initial 30
--live --suspend
--live --rdma-pin-all
--live --undefinesource
--live --unsafe --abort-on-error --change-protection
--live --migrateuri tcp://birch:22222
--live --migrateuri tcp:birch
--live --migrateuri unix:///tmp/x
--live --copy-storage-all --copy-storage-synchronous-writes
--live --migrate-disks vda
--live --zerocopy --parallel
--offline --persistent
"""
REFUSED = """
--live --direct
--live --tunnelled
--live --p2p --tunnelled --parallel
--live --p2p --tunnelled --tls
--live --p2p --tunnelled --postcopy
--live --p2p --tunnelled --migrateuri tcp://birch
--live --p2p --tunnelled --listen-address 10.88.0.2
--live --migrateuri birch
--live --migrateuri fd://x
--live --migrateuri http://birch
--live --migrateuri rdma:birch
--live --migrateuri rdma://birch
--postcopy
--live --postcopy --suspend
--live --postcopy --postcopy-resume
--live --compressed --comp-methods mt --comp-mt-level 12
--live --compressed --comp-methods mt --comp-mt-threads 0
--live --compressed --comp-methods xbzrle --comp-xbzrle-cache 5000
--live --compressed --comp-methods xbzrle --comp-xbzrle-cache 2048
--live --zerocopy
--live --zerocopy --parallel --tls
--live --zerocopy --parallel --compressed
--live --parallel-connections 4
--live --parallel --parallel-connections 0
--live --parallel --parallel-connections 256
--live --parallel --compressed --comp-methods mt
--live --compressed --comp-methods bogus
--live --compressed --comp-methods zlib
--live --parallel --compressed --comp-methods zstd
--live --auto-converge-initial 30
--live --auto-converge --auto-converge-initial 120
--live --auto-converge --auto-converge-increment 0
--live --comp-mt-level 3
--live --compressed --comp-xbzrle-cache 65536
--live --copy-storage-synchronous-writes
--offline
--offline --persistent --p2p --tunnelled
--offline --persistent --copy-storage-all
"""
BROKEN = {"vm.state": VM_STATE_PAUSED, "vm.state_reason": "post-copy failed"}
PARALLEL = "--live --parallel --compressed"
CAPS = [
    *((text, with_versions(text), "YES") for text in ACCEPTED.strip().splitlines()),
    *((text, with_versions(text), "NO") for text in REFUSED.strip().splitlines()),
    ("zlib, libvirt 9.4", with_versions(f"{PARALLEL} --comp-methods zlib", 9_004_000), "YES"),
    ("zlib alone", with_versions("--live --comp-methods zlib", 9_004_000), "NO"),
    (
        "xbzrle in parallel, 9.4",
        with_versions(f"{PARALLEL} --comp-methods xbzrle", 9_004_000),
        "NO",
    ),
    ("no method in parallel, 9.4", with_versions(PARALLEL, 9_004_000), "NO"),
    ("threads, QEMU 9.1", with_versions("--live --comp-methods mt", qemu=9_001_000), "NO"),
    (
        "a list of disks, libvirt 10",
        with_versions("--live --migrate-disks vda", 10_000_000),
        "PROBABLY_NO",
    ),
    (
        "compression, versions unknown",
        {**flags("--live --compressed"), f"source.{CONNECTION}.libvirt_version": None},
        "YES",
    ),
    ("post-copy", {**flags("--live --postcopy"), **FAULTS}, "YES"),
    (
        "post-copy, QEMU is root",
        {
            **flags("--live --postcopy"),
            f"{LIMITS}.unprivileged_userfaultfd": False,
            "destination.security.qemu_conf": {"user": "root"},
        },
        "YES",
    ),
    (
        "post-copy, no page faults for QEMU",
        {**flags("--live --postcopy"), f"{LIMITS}.unprivileged_userfaultfd": False},
        "PROBABLY_NO",
    ),
    (
        "post-copy, no page faults for QEMU's user",
        {
            **flags("--live --postcopy"),
            f"{LIMITS}.unprivileged_userfaultfd": False,
            "destination.security.qemu_conf": {"user": "libvirt-qemu"},
        },
        "NO",
    ),
    ("post-copy, unknown", flags("--live --postcopy"), "NO_IDEA"),
    (
        "post-copy resumption",
        {**flags("--live --postcopy --postcopy-resume"), **BROKEN, **FAULTS},
        "PROBABLY_YES",
    ),
    (
        "RDMA",
        {**flags("--live --migrateuri rdma://b"), "vm.memory.hard_limit_bytes": 1 << 32},
        "NO_IDEA",
    ),
    (
        "RDMA that libvirt lacks",
        {
            **flags("--live --migrateuri rdma://b"),
            "vm.memory.hard_limit_bytes": 1 << 32,
            f"source.{CONNECTION}.migration_transports": ["tcp"],
        },
        "NO",
    ),
    ("TLS is forced", {"source.security.qemu_conf": {"migrate_tls_force": "1"}}, "NO"),
    ("TLS is forced there", {"destination.security.qemu_conf": {"migrate_tls_force": "1"}}, "NO"),
    (
        "TLS is forced and used",
        {**flags("--live --tls"), "source.security.qemu_conf": {"migrate_tls_force": "1"}},
        "YES",
    ),
    (
        "zero-copy, no locking of memory",
        {
            **flags("--live --zerocopy --parallel"),
            "source.kernel.limits.memlock_unlimited": False,
            "source.kernel.limits.limits_raisable": False,
        },
        "NO",
    ),
    ("another hypervisor", {**flags("--direct"), "vm.domain_type": "xen"}, "YES"),
]
DISKS = "--live --copy-storage-all --migrate-disks-detect-zeroes vda"
SWITCHOVER = "--live --available-switchover-bandwidth 100"
ZSTD = f"{PARALLEL} --comp-methods zstd"
NEW, OLD = 11_003_000, 9_000_000


def between(text, source, destination, qemu=10_000_000):
    """Flags, and the libvirt versions of both sides; the destination's QEMU is 10.0."""
    return {
        **flags(text),
        f"source.{CONNECTION}.libvirt_version": source,
        f"destination.{CONNECTION}.libvirt_version": destination,
        f"source.{CONNECTION}.hypervisor_version": qemu,
        f"destination.{CONNECTION}.hypervisor_version": 10_000_000,
        **FAULTS,
    }


VERSIONS = [
    ("new options, new libvirt", between(f"{DISKS} --parallel", NEW, NEW), "YES"),
    ("zeroes, old source", between(DISKS, OLD, NEW), "NO"),
    ("zeroes, old destination", between(DISKS, NEW, OLD), "NO"),
    ("zeroes, old destination, --p2p", between(f"{DISKS} --p2p", NEW, OLD), "NO"),
    ("zeroes, unknown destination", between(DISKS, NEW, None), "NO_IDEA"),
    (
        "zeroes, a source that backports",
        {**between(DISKS, OLD, NEW), "source.identity.os_id": "rhel"},
        "PROBABLY_NO",
    ),
    ("switchover bandwidth", between(SWITCHOVER, NEW, NEW), "YES"),
    ("switchover bandwidth, old destination", between(SWITCHOVER, NEW, OLD), "NO"),
    ("switchover bandwidth stays at the peer", between(f"{SWITCHOVER} --p2p", NEW, OLD), "YES"),
    ("switchover bandwidth, old QEMU", between(SWITCHOVER, NEW, NEW, 8_001_000), "NO"),
    ("zstd, old destination", between(f"{ZSTD} --p2p", NEW, OLD), "NO"),
    ("zstd", between(ZSTD, NEW, NEW), "YES"),
    ("zstd level, old destination", between(f"{ZSTD} --comp-zstd-level 3", NEW, OLD), "NO"),
    ("xbzrle in parallel, new destination", between(PARALLEL, OLD, NEW), "NO"),
    ("parallel, versions unknown", between("--live --parallel", None, NEW), "NO_IDEA"),
    ("live, versions unknown", between("--live --auto-converge", None, None), "YES"),
    ("parallel, old QEMU", between("--live --parallel", NEW, NEW, 3_001_000), "NO"),
    ("parallel, old libvirt", between("--live --parallel", 4_000_000, 4_000_000, 2_011_001), "NO"),
    ("zero-copy, old QEMU", between("--live --parallel --zerocopy", NEW, NEW, 7_000_000), "NO"),
    ("post-copy in parallel", between("--live --postcopy --parallel", NEW, NEW), "NO"),
    (
        "post-copy in parallel, old source",
        {
            **between("--live --postcopy --parallel", NEW, NEW, 7_002_000),
            f"destination.{CONNECTION}.hypervisor_version": 10_001_000,
        },
        "PROBABLY_YES",
    ),
    (
        "post-copy in parallel, QEMU 10.1",
        {
            **between("--live --postcopy --parallel", NEW, NEW, 10_001_000),
            f"destination.{CONNECTION}.hypervisor_version": 10_001_000,
        },
        "YES",
    ),
]
TABLES = {"sw.migration_caps": CAPS + VERSIONS}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_all_conflicts_are_told_at_once():
    found = finding(
        "sw.migration_caps",
        migration(flags("--live --tunnelled --parallel --zerocopy --compressed")),
    )
    assert len(found.remedies) == 3
    assert "peer-to-peer" in found.reason
