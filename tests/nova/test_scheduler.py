"""nova's own API, conductor, scheduler and placement ask a comparator where an instance can go."""

import json
import os
import subprocess

import pytest

from tests.nova.conftest import ROOT


@pytest.fixture(scope="module")
def outcomes(nova_python, server, tmp_path_factory):
    """What became of each test of in_nova.py, by its name."""
    file = tmp_path_factory.mktemp("nova") / "outcomes.json"
    paths = [ROOT / "plugins/nova", ROOT / "proto"]
    environment = {
        **os.environ,
        "VMFIT_SERVER": server,
        "VMFIT_OUTCOMES": str(file),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    done = subprocess.run(
        [nova_python, ROOT / "tests/nova/in_nova.py"],
        cwd=file.parent, env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(file.read_text())


@pytest.mark.parametrize(
    "name",
    [
        "WithoutVmfit.test_nova_alone_takes_a_host_that_cannot",
        "Filtered.test_goes_to_the_host_that_can",
        "Filtered.test_a_named_host_is_refused_too",
        "Filtered.test_other_requests_pass",
        "Weighed.test_prefers_the_host_that_can",
        "WithoutAnAnswer.test_passes",
        "WithoutAnAnswerClosed.test_stays",
    ],
)
def test_in_nova(name, outcomes):
    assert outcomes[name] == "ok", outcomes[name]
