"""A comparator over three hosts of which one can take a guest, and nova's own environment."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit_comparator.engine import Engine
from vmfit_comparator.hosts.inventory import parse_inventory
from vmfit_comparator.server import ComparatorServer
from vmfit_contract.address import Address

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


class _AnyVm(dict):
    """One guest under whatever UUID nova gives it."""

    def __contains__(self, name):
        return True

    def __missing__(self, name):
        return vm()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The comparator's address; only host_c has the guest's bridge."""
    directory = tmp_path_factory.mktemp("site")
    without_bridge = destination_snapshot()
    del without_bridge.network.interfaces[:]
    snapshots = {
        "host_a": source_snapshot(),
        "host_b": without_bridge,
        "host_c": destination_snapshot(),
    }
    agents = {name: FakeAgent(directory / name, each) for name, each in snapshots.items()}
    agents["host_a"].vms = _AnyVm()
    for agent in agents.values():
        agent.__enter__()
    inventory = parse_inventory({name: {"address": each.address} for name, each in agents.items()})
    with Engine(inventory) as engine:
        server = ComparatorServer(engine, [Address(path=str(directory / "comparator"))])
        server.start()
        yield str(server.addresses[0])
        server.stop(0)
    for agent in agents.values():
        agent.stop()


@pytest.fixture(scope="session")
def nova_python():
    """The interpreter of an environment with nova, made once and kept."""
    if not os.environ.get("VMFIT_TEST_NOVA"):
        pytest.skip("make test-nova: installs nova, and takes a minute or two")
    directory = ROOT / ".tools/nova"
    python = directory / "bin/python"
    uv = os.environ.get("UV") or ROOT / ".tools/bin/uv"
    commands = (
        [uv, "venv", "--quiet", "--allow-existing", "--python", "3.11", directory],
        [uv, "pip", "install", "--quiet", "--python", python, "--requirement", REQUIREMENTS],
    )
    for command in commands:
        subprocess.run(command, check=True, timeout=600)
    # nova looks for its API's settings beside the package, its wheel puts them below the prefix.
    beside = next(directory.glob("lib/python*/site-packages")) / "etc"
    shutil.copytree(directory / "etc", beside, dirs_exist_ok=True)
    return python
