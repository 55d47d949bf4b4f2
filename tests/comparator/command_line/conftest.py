"""The hosts that the commands are tried on, as files of the working directory."""

import os
from pathlib import Path

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from vmfit_contract.json_text import to_json
from vmfit_contract.snapshot_file import write_snapshot


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    for name in os.environ:
        if name.startswith("VMFIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr("vmfit_comparator.settings.DEFAULT_PATH", tmp_path / "none.toml")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two hosts that fit, one that does not, and a VM, as files of the working directory."""
    monkeypatch.chdir(tmp_path)
    source, destination, poor = source_snapshot(), destination_snapshot(), destination_snapshot()
    source.domains.vms.append(vm())
    for capabilities in poor.hypervisor.connections[0].domain_capabilities:
        capabilities.host_model.features.remove("avx2")
    write_snapshot(source, Path("alpha.json"))
    write_snapshot(destination, Path("beta.binpb"), "binary")
    write_snapshot(poor, Path("poor.json"))
    Path("vm.json").write_text(to_json(vm()))
    return tmp_path
