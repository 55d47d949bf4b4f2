"""Everything that reads what others wrote, for a while: no traceback, no hang, memory bounded.

VMFIT_FUZZ_SECONDS is the time for all surfaces together, a minute unless it says another.
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SURFACES = sorted(path.stem for path in (Path(__file__).parent / "surfaces").glob("*.py"))
SECONDS = float(os.environ.get("VMFIT_FUZZ_SECONDS", "60")) / len(SURFACES)
# The minute of every test run is the same minute; longer runs look further each time.
SEED = [] if "VMFIT_FUZZ_SECONDS" in os.environ else ["1"]
# Of a short run; starting the program and instrumenting its modules.
START_SECONDS = 2
SHOWN_CHARACTERS = 6000
# A process inherits the peak of memory of the one that starts it: a small one in between has none.
FRESH = ("sh", "-c", '"$@"; exit $?', "sh")

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this machine"
)


@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.parametrize("surface", SURFACES)
def test_reading(surface, tmp_path, record_property):
    seconds = max(round(SECONDS - START_SECONDS), 1)
    found = subprocess.run(
        [*FRESH, sys.executable, "-m", "tests.fuzz.campaign", surface, str(seconds),
         str(tmp_path), *SEED],
        cwd=PROJECT, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    told = found.stdout + found.stderr
    inputs = [f"{path.name}: {path.read_bytes()[:2000]!r}" for path in tmp_path.iterdir()]
    assert found.returncode == 0, "\n".join((told[-SHOWN_CHARACTERS:], *inputs))
    counted = re.search(r"number_of_executed_units: (\d+)", told)
    assert counted is not None
    assert int(counted[1]) > 0
    record_property("executions", counted[1])
    print(f"{surface}: {counted[1]} inputs in {seconds} s")
