"""Judge vmfit by real migrations: `make reality`.

Each scenario gets two real libvirt hosts, an agent in each, a prediction, and a real migration.
Needs root, Debian's libvirt and QEMU, and bindfs. Scenarios of another lab run too, when
VMFIT_REALITY_LAB leads to one. With VMFIT_STORE, checks and outcomes are kept there, for
`vmfit calibration`.
"""

import argparse
import dataclasses
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import other_lab
from lab import LabError
from peers import look_at, nova
from play import Look, Played, missing, play
from report_outcomes import report_outcomes
from scenario import Scenario, load
from scoreboard import agrees, answer_of, cause_lines, show, skipped_lines

_HUGEPAGES = Path("/proc/sys/vm/nr_hugepages")
_one_at_a_time = threading.Lock()
"""Held by scenarios that change the machine's number of huge pages."""

Job = Callable[[Path], Played]


def main() -> int:
    """Run what is asked for; return how many predictions disagree, at most 100."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    own = [each for each in load() if not options.ids or each.id in options.ids]
    if options.ci:
        own = [each for each in own if each.ci]
    skipped = {each.id: why for each in own if (why := missing(each))}
    own = [each for each in own if each.id not in skipped]
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="vmfit-", dir="/tmp"))
    try:
        jobs = [_job(each, peers=options.peers, measure=options.measure) for each in own]
        if not options.ci and other_lab.LAB.is_dir():
            lab = other_lab.OtherLab(work / "other", peers=options.peers)
            jobs += [
                lab.job(each)
                for each in lab.ids()
                if not options.ids or other_lab.PREFIX + each in options.ids
            ]
        with nova(work / "nova") if options.peers else nullcontext():
            results = run_all(jobs, work, options.jobs, options.json)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    causes = {each.id: each.fact for each in own}
    for line in (*show(results), *cause_lines(results, causes), *skipped_lines(skipped)):
        print(line)
    if os.environ.get("VMFIT_STORE"):
        print(f"{report_outcomes(results, causes)} outcomes are kept in VMFIT_STORE")
    for scenario in own:
        was = next(each.outcome for each in results if each.id == scenario.id)
        if was != scenario.outcome:
            print(f"CHANGED: {scenario.id}: was {scenario.outcome} once, {was} today")
    print(f"{time.monotonic() - began:.0f} s")
    return min(100, sum(not agrees(each) for each in results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="reality", description=__doc__)
    parser.add_argument("ids", nargs="*", help="only these scenarios")
    parser.add_argument("--json", type=Path, help="write all results there")
    parser.add_argument("--jobs", type=int, default=2, help="labs at once (default: 2)")
    parser.add_argument("--ci", action="store_true", help="the subset for continuous integration")
    parser.add_argument(
        "--measure", action="store_true", help="tell what each migration took, beside its estimate"
    )
    parser.add_argument("--peers", action="store_true", help="ask what else checks migrations, too")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("needs root for namespaces")
    return options


def run_all(jobs: Iterable[Job], work: Path, at_once: int, written: Path | None) -> list[Played]:
    """Run the jobs, some at once, each in a directory of its own; tell how it goes.

    What is known so far is `written` as JSON after each.
    """
    known: dict[int, Played] = {}
    writing = threading.Lock()

    def run(numbered: tuple[int, Job]) -> Played:
        number, job = numbered
        directory = work / str(number)
        try:
            played = job(directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        with writing:
            known[number] = played
            if written:
                told = [dataclasses.asdict(known[each]) for each in sorted(known)]
                written.write_text(json.dumps(told, indent=1) + "\n")
        mark = "" if agrees(played) else "  <-- DISAGREES"
        print(
            f"{played.id:32} {answer_of(played):13} {played.outcome:14} {played.stage:12}"
            f"{played.seconds:6.1f} s{mark}{_measures(played)}\n",
            end="",
            flush=True,
        )
        return played

    pool = ThreadPoolExecutor(at_once)
    try:
        return list(pool.map(run, enumerate(jobs)))
    finally:
        pool.shutdown(cancel_futures=True)


def _measures(played: Played) -> str:
    """Return what was measured beside what was expected; empty where nothing was measured."""
    told = played.answer.get("estimate", {})
    names = {
        "total_seconds": "totalSeconds",
        "downtime_seconds": "downtimeSeconds",
        "sent_bytes": "sentBytes",
    }
    lines = [
        f"\n    {name}: {played.measured[name]:g}, expected {told.get(field, {}).get('expected')}"
        for name, field in names.items()
        if name in played.measured
    ]
    return "".join(lines)


def _job(scenario: Scenario, *, peers: bool, measure: bool) -> Job:
    def job(directory: Path) -> Played:
        try:
            look = look_at if peers else None
            if not scenario.hugepages:
                return play(scenario, directory, look, measure=measure)
            with _one_at_a_time:
                return _with_hugepages(scenario, directory, look, measure=measure)
        except Exception as error:  # noqa: BLE001 -- the other scenarios go on
            return Played(scenario.id, scenario.differs, error=str(error), outcome="lab failed")

    return job


def _with_hugepages(
    scenario: Scenario, directory: Path, look: Look | None, *, measure: bool
) -> Played:
    before, wanted = _HUGEPAGES.read_text(), str(scenario.hugepages)
    _HUGEPAGES.write_text(wanted)
    try:
        played = play(scenario, directory, look, measure=measure)
        if _HUGEPAGES.read_text().strip() != wanted:
            raise LabError("something else changed the machine's number of huge pages")
        return played
    finally:
        _HUGEPAGES.write_text(before)


if __name__ == "__main__":
    sys.exit(main())
