"""Another lab's scenarios, run by its own tools, with our prediction asked before each migration.

Such a lab is a directory with setup.sh (makes a copy of itself that is ready to run where LAB_WORK
says) and run.py (--predict COMMAND; writes results/live/ID.json). It is used in place and not
changed; one host is `alpha`, the other `beta`.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from play import Played

LAB = Path(os.environ.get("VMFIT_REALITY_LAB", Path(__file__).parents[3] / "shared/lab"))
PREFIX = "other/"
"""Stands before the ids of such scenarios, which may be those of ours."""
_PREDICT = Path(__file__).parent / "predict.py"
_OUTCOMES = {"failed_midway": "failed midway", "guest_broken": "guest broken"}
_STAGES = {"start_on_alpha": "source", "after": "done", "timeout": "copying"}
_one_at_a_time = threading.Lock()


class OtherLab:
    """The lab's copy that is ready to run; its setup waits for the first job."""

    def __init__(self, work: Path, *, peers: bool) -> None:
        """`work` is made when it is needed."""
        self._work = work
        self._peers = peers
        self._ready = threading.Lock()

    def ids(self) -> list[str]:
        """Return the scenarios' ids."""
        lines = (LAB / "scenarios.src").read_text().splitlines()
        return sorted(line[4:].strip() for line in lines if line.startswith("### "))

    def job(self, scenario: str) -> Callable[[Path], Played]:
        """Return a job that plays one scenario."""
        return lambda directory: self._play(scenario, directory)

    def _set_up(self) -> None:
        with self._ready:
            if (self._work / "run.py").exists():
                return
            done = subprocess.run(
                ["bash", str(LAB / "setup.sh")],
                env=os.environ | {"LAB_WORK": str(self._work), "LAB_STATE": f"{self._work}/state"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"the other lab's setup failed: {done.stderr[-1000:]}")

    def _play(self, scenario: str, directory: Path) -> Played:
        began = time.monotonic()
        directory.mkdir(parents=True)
        self._set_up()
        if "\nhugepages:" in (self._work / f"scenarios/{scenario}.yaml").read_text():
            with _one_at_a_time:
                result = self._run(scenario, directory)
        else:
            result = self._run(scenario, directory)
        stage = stage_of(result, self._work / f"dumps/{scenario}/logs-live")
        prediction = result.get("prediction") or {}
        answer = prediction.get("answer") or {}
        return Played(
            id=PREFIX + scenario,
            differs=result.get("what_differs", ""),
            answer=answer,
            error=str(prediction.get("error", "")),
            outcome=outcome_of(result, stage),
            stage=stage,
            text=result["error_text"].removeprefix("error: "),
            seconds=round(time.monotonic() - began, 1),
            migration_seconds=result["seconds"],
            peers=answer.pop("peers", {}),
        )

    def _run(self, scenario: str, directory: Path) -> dict[str, Any]:
        predict = f"{sys.executable} {_PREDICT}" + (" --peers" if self._peers else "")
        command = ["python3", "run.py", "--no-dumps", "--predict", predict, scenario]
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        told = [each for each in os.environ.items() if each[0].startswith("VMFIT_")]
        # the name must be this lab's alone: its control groups are called by it
        state = directory / f"{directory.parent.name}-{directory.name}"
        environment = {
            **dict(told),
            "PATH": path,
            "LAB_STATE": str(state),
            "HOME": "/root",
        }

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                words,
                cwd=self._work,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )

        try:
            done = run(*command)
        finally:
            run("python3", "lab.py", "down")
        try:
            result: dict[str, Any] = json.loads(
                (self._work / f"results/live/{scenario}.json").read_text()
            )
        except OSError:
            raise RuntimeError(f"the other lab: {done.stderr[-1000:]}") from None
        return result


def stage_of(result: dict[str, Any], logs: Path) -> str:
    """Translate the other lab's stages, which it tells in less detail; `logs` has QEMU's."""
    stage = str(result["stage"])
    if stage != "prepare":
        return _STAGES.get(stage, stage)
    events = result.get("events", {})
    if any("MIGRATION" in event for event in events.get("beta", ())):
        return "connecting"
    qemu = [each for each in logs.glob("beta-*.log") if each.name != "beta-libvirtd.log"]
    started = any("starting up" in each.read_text(errors="replace") for each in qemu)
    # a domain of that name that runs there all along has a log too
    return "QEMU" if started and not result.get("domains_left_on_beta") else "before QEMU"


def outcome_of(result: dict[str, Any], stage: str) -> str:
    """Translate the other lab's outcomes; what it calls refused may be our "failed midway"."""
    outcome = str(result["real_outcome"])
    if outcome == "refused" and stage == "connecting":
        return "failed midway"
    return _OUTCOMES.get(outcome, outcome)
