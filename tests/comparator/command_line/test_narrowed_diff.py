"""`vmfit diff`: --stat, --ignore, --fact, and long lists of changes."""

from pathlib import Path

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot
from vmfit_comparator.cli import run
from vmfit_comparator.differences.difference_path import elements, schema_path
from vmfit_contract.snapshot_file import write_snapshot


@pytest.fixture
def diff(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    left, right = source_snapshot(), destination_snapshot()
    for side, shift in ((left, 0), (right, 1)):
        for number in range(100, 140):
            side.cpu.topology.cpus.add(cpu_id=number, core_id=number + shift)
    write_snapshot(left, Path("alpha.json"))
    write_snapshot(right, Path("beta.json"))

    def diff(*options, status=1):
        assert run(["diff", "alpha.json", "beta.json", *options]) == status
        captured = capsys.readouterr()
        return captured.out or captured.err

    return diff


def test_a_field_that_differs_in_many_elements_is_one_line(diff):
    lines = [each for each in diff().split("\n") if each.startswith("cpu.topology")]
    (line,) = lines
    assert line == (
        "cpu.topology.cpus.core_id: differs in 40 elements: 100: 100 -> 101; 101: 101 -> 102; "
        "102: 102 -> 103 and 37 more (--all shows them)"
    )
    assert sum("cpus[1" in each and "->" in each for each in diff("--all").split("\n")) == 40


def test_what_is_ignored_is_no_difference(diff):
    assert "cpu.topology" not in diff("--ignore", "cpu.topology")
    parts = ("identity", "cpu", "network", "hypervisor", "memory", "numa", "pci", "kernel")
    options = [word for part in parts for word in ("--ignore", part)]
    assert "differ in no fields" in diff(*options, status=0)
    assert "no field is 'topologi', did you mean topology?" in diff(
        "--ignore", "cpu.topologi", status=3
    )


def test_only_what_a_fact_reads(diff):
    paths = diff("--fact", "host.same_machine", "-o", "name").split()
    assert "identity.machine_id" in paths
    assert not [each for each in paths if each.startswith("cpu.")]
    assert "did you mean cpu.features?" in diff("--fact", "cpu.featurs", status=3)


def test_counts_by_part(diff):
    rows = {line.split()[0]: line.split()[1:] for line in diff("--stat").strip().split("\n")}
    assert rows["cpu"] == ["40", "0", "0", "0", "0"]
    assert int(rows["identity"][0]) > 3


def test_paths_lead_through_elements():
    path = "hypervisor.connections[qemu:///system].pools[a.b[1]].uuid"
    assert schema_path(path) == "hypervisor.connections.pools.uuid"
    assert elements(path) == "qemu:///system, a.b[1]"
    assert elements("cpu.model") == ""
