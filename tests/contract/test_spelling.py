"""What a mistyped name may have meant."""

import time

import pytest

from vmfit_contract.spelling import did_you_mean, meant_or_known

NODES = [f"node{number:02}" for number in range(1, 21)]
FACTS = ["cpu.*", "cpu.vendor", "cpu.features", "numa.*", "numa.cells"]


@pytest.mark.parametrize(
    ("wrong", "known", "meant"),
    [
        ("node1", NODES, "node01"),
        ("node-1", NODES, "node01"),
        ("NODE01", NODES, "node01"),
        ("noed07", NODES, "node07"),
        ("nod3", NODES, "node03"),
        ("node7.example", [f"{each}.example" for each in NODES], "node07.example"),
        ("cpuu.*", FACTS, "cpu.*"),
        ("cpu", FACTS, "cpu.*"),
        ("cpu.featurs", FACTS, "cpu.features"),
        ("cpu_vendor", FACTS, "cpu.vendor"),
        ("conservativ", ["conservative", "default"], "conservative"),
        ("--lvie", ["--live", "--p2p"], "--live"),
    ],
)
def test_the_closest_name(wrong, known, meant):
    assert did_you_mean(wrong, known) == f", did you mean {meant}?"


@pytest.mark.parametrize(("wrong", "known"), [("node99", NODES), ("zebra", FACTS), ("x", [])])
def test_nothing_is_close(wrong, known):
    assert did_you_mean(wrong, known) == ""


def test_else_what_there_is():
    assert meant_or_known("cpuu", ["cpu", "numa"]) == ", did you mean cpu?"
    assert meant_or_known("zebra", ["cpu", "numa"]) == "; there are cpu, numa"
    assert meant_or_known("zebra", ["cpu"]) == "; there is cpu"
    assert meant_or_known("zebra", []) == ""
    assert meant_or_known("node99", NODES * 2).endswith("node04 and 16 more")


def test_any_text_is_answered_soon():
    begun = time.monotonic()
    did_you_mean("9" * 1_000_000, ["1" * 5000, "é" * 10_000])
    did_you_mean("a1" * 500_000, [f"node{number}" for number in range(10_000)])
    assert time.monotonic() - begun < 5
