"""Collections and checks by the ten thousands, in one process each: what they hold stays."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.load.rounds import SOAK_CHECKS, SOAK_COLLECTIONS
from tests.load.services import HOSTS, RECORDED, check
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub

WARM_SHARE = 10
"""A tenth of the rounds goes before the first look: caches fill, threads get their heaps."""
GROWTH_MIB = 6.0
"""What the heaps of an allocator may differ by; a leak of 1 kB a round is 100 MiB in the end."""
COLLECT = """
import sys
from pathlib import Path
from vmfit_agent.local_host import HostOptions, local_source
source = local_source(HostOptions(Path(sys.argv[1]), (), Path("/etc/vmfit/attributes.d")).open())
for line in sys.stdin:
    for _ in range(int(line)):
        snapshot = source.snapshot((), 0.0, {})
    print(len(snapshot.parts), flush=True)
"""


class Held(NamedTuple):
    """What a process holds."""

    resident_mib: float
    own_mib: float
    descriptors: int
    threads: int

    @classmethod
    def by(cls, process_id):
        place = Path(f"/proc/{process_id}")
        rollup = (place / "smaps_rollup").read_text()
        own = sum(map(int, re.findall(r"^Private_\w+:\s+(\d+)", rollup, re.MULTILINE)))
        return cls(
            int(re.search(r"^Rss:\s+(\d+)", rollup, re.MULTILINE)[1]) / 1024,
            own / 1024,
            len(list((place / "fd").iterdir())),
            len(list((place / "task").iterdir())),
        )

    def __str__(self):
        return (
            f"{self.resident_mib:.1f} MiB resident, {self.own_mib:.1f} own, "
            f"{self.descriptors} descriptors, {self.threads} threads"
        )


def soak(process_id, rounds, do, tally):
    """Do so many rounds; print what is held at the start, in the middle and at the end."""
    warm = max(rounds // WARM_SHARE, 1)
    do(warm)
    held = [Held.by(process_id)]
    for share in ((rounds - warm) // 2, rounds - warm - (rounds - warm) // 2):
        do(share)
        held.append(Held.by(process_id))
    for when, each in zip(("start", "middle", "end"), held, strict=True):
        tally.note(f"{when}: {each}")
    start, _, end = held
    assert end.resident_mib - start.resident_mib < GROWTH_MIB
    assert end.own_mib - start.own_mib < GROWTH_MIB
    assert abs(end.descriptors - start.descriptors) <= 2
    assert abs(end.threads - start.threads) <= 2


def test_collections(tally):
    command = [sys.executable, "-c", COLLECT, str(HOSTS / RECORDED[0])]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def collect(count):
            process.stdin.write(f"{count}\n")
            process.stdin.flush()
            assert int(process.stdout.readline()) > 0
            tally.tries += count

        soak(process.pid, SOAK_COLLECTIONS, collect, tally)
        process.stdin.close()
        assert process.wait(60) == 0


def test_checks(services, hosts, tally):
    store = f'store = "sqlite:///{services.directory}/store.db"\nstore_checks = 1000\n'
    comparator = services.comparing(hosts, store).start()
    with services.dial(comparator.address) as channel:
        stub = ComparatorStub(channel)

        def ask(count):
            for _ in range(count):
                assert stub.Check(check(), timeout=60).findings
                tally.add()

        soak(comparator.process.pid, SOAK_CHECKS, ask, tally)
    assert "Traceback" not in comparator.log
