"""Predictions beside real migrations: the scenarios marked `ci`; `make reality` runs them all."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from play import missing, play
from scenario import Scenario, load
from scoreboard import agrees, answer_of, culprits

TOOLS = ("libvirtd", "qemu-system-x86_64", "bindfs", "nsenter", "unshare", "ip")


def _missing() -> str:
    if os.geteuid() != 0:
        return "needs root for namespaces"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(bool(_missing()), reason=_missing() or "-"),
]


@pytest.fixture
def directory() -> Iterator[Path]:
    # pytest's own directories are too deep for the paths of unix sockets
    path = Path(tempfile.mkdtemp(prefix="vmfit-", dir="/tmp"))
    yield path / "lab"
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize(
    "scenario", [each for each in load() if each.ci], ids=lambda scenario: scenario.id
)
def test_prediction_agrees_with_reality(scenario: Scenario, directory: Path) -> None:
    if why := missing(scenario):
        pytest.skip(why)
    played = play(scenario, directory)
    assert played.outcome == scenario.outcome, played.text
    told = [(each["fact"], each["answer"], each["reason"]) for each in culprits(played)]
    assert answer_of(played) != "NO_IDEA", told
    assert agrees(played), (played.error, told)
    if played.outcome != "migrated":
        assert scenario.fact in [fact for fact, _, _ in told]
    if played.outcome == "refused":
        assert any(each.get("remedies") for each in culprits(played)), told
