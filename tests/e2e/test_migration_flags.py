"""What sw.migration_caps says of flags, beside what libvirt does with them.

An empty guest on two real hosts: a second or two for each set of flags.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab import Lab

from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.domain_xml import parse_vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.virsh_options import parse_virsh_migrate

TOOLS = ("libvirtd", "qemu-system-x86_64", "bindfs", "nsenter", "unshare", "ip")
GUEST = (
    "<domain type='qemu'><name>guest</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
    "<os><type arch='x86_64'>hvm</type></os></domain>"
)
FLAGS = """
--live --p2p --direct
--live --direct
--live --tunnelled
--live --p2p --tunnelled
--live --p2p --tunnelled --parallel
--live --p2p --tunnelled --postcopy
--live --p2p --tunnelled --migrateuri tcp://birch
--live --postcopy --parallel
--live --postcopy --suspend
--live --parallel --compressed --comp-methods mt
--live --compressed --comp-methods mt,xbzrle
--live --comp-mt-level 3
--live --parallel-connections 4
--live --parallel --parallel-connections 256
--live --auto-converge --auto-converge-initial 120
--live --zerocopy
--live --zerocopy --parallel --compressed
--live --rdma-pin-all
--live --migrateuri rdma://birch
--live --migrateuri birch
--live --migrateuri unix:///tmp/migration
--live --postcopy --postcopy-resume
--offline
--offline --persistent
"""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(
        not all(map(shutil.which, TOOLS)), reason=f"needs all of {', '.join(TOOLS)}"
    ),
]


@pytest.fixture(scope="module")
def lab():
    directory = Path(tempfile.mkdtemp(prefix="vmfit-", dir="/tmp"))
    try:
        with Lab(directory / "lab") as running:
            (running.source.state / "local" / "guest.xml").write_text(GUEST)
            yield running
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def host() -> Snapshot:
    """What the lab's hosts say of themselves, as far as it is asked for here."""
    snapshot = Snapshot()
    snapshot.hypervisor.connections.add(
        uri="qemu:///system",
        driver="QEMU",
        libvirt_version=9_000_000,
        hypervisor_version=7_002_000,
        migration_transports=["tcp", "rdma"],
    )
    snapshot.security.qemu_conf["user"] = "root"
    return snapshot


def prediction(flags: str):
    options = MigrationOptions()
    options.CopyFrom(parse_virsh_migrate(flags.split(), lambda path: path).options)
    vm = parse_vm(GUEST)
    vm.connection_uri = "qemu:///system"
    (found,) = evaluate(
        [BUILT_IN["sw.migration_caps"]], Case(host(), host(), vm, vm, options, Policy())
    )
    return found


@pytest.mark.parametrize("flags", FLAGS.strip().splitlines())
def test_flags(lab, flags):
    versions = lab.source.run("virsh version").stdout
    if "libvirt 9.0" not in versions or "QEMU 7.2" not in versions:
        pytest.skip("written down for libvirt 9.0 and QEMU 7.2")
    for each in lab.hosts:
        each.run("virsh destroy guest; virsh undefine guest", check=False)
    lab.source.run("virsh create /srv/local/guest.xml")
    done = lab.source.run(f"virsh migrate {flags} guest qemu+tcp://birch/system", check=False)
    found = prediction(flags)
    assert (found.answer >= Answer.ANSWER_PROBABLY_YES) == (done.returncode == 0), (
        f"{found.reason}; libvirt: {done.stderr}"
    )
