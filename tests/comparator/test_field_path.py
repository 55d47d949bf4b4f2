"""Field paths: compiled against the contract, walked through lists, volatile where it says so."""

import pytest

from tests.comparator.builders import migration
from vmfit.v1.options_pb2 import Volatility
from vmfit_comparator.evaluation.field_path import field_path


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cpu.vendor", "start with one of source"),
        ("", "start with one of source"),
        ("vm.cpus", "no field 'cpus'"),
        ("source.cpu.vendor.name", "no field 'name'"),
        ("vm..name", "no field ''"),
        ("destination.memory.", "no field ''"),
    ],
)
def test_misspelt_paths_fail_when_compiled(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        field_path(text)


@pytest.mark.parametrize(
    ("text", "part", "volatility"),
    [
        ("source.cpu.vendor", "cpu", "STATIC"),
        ("destination.numa.nodes.free_bytes", "numa", "VOLATILE"),
        ("destination.numa.nodes.cpu_ids", "numa", "STATIC"),
        ("destination.network.interfaces.mtu_bytes", "network", "SLOW"),
        ("vm.name", None, "SLOW"),
        ("vm.state", None, "VOLATILE"),
        ("options.tls", None, "UNSPECIFIED"),
    ],
)
def test_part_and_volatility(text, part, volatility):
    path = field_path(text)
    assert path.part == part
    assert Volatility.Name(path.volatility) == f"VOLATILITY_{volatility}"
    assert field_path(text) is path


def test_values():
    case = migration(
        {
            "vm.disks": [{"target": "vda", "cache": "none"}, {"target": "vdb"}],
            "destination.memory.swap_free_bytes": 0,
        }
    )
    assert field_path("vm.disks.target").values(case) == ["vda", "vdb"]
    assert field_path("vm.disks.cache").values(case) is None
    assert field_path("vm.disks.cache").missing(case) == "vm.disks[vdb].cache"
    assert [len(each) for each in field_path("vm.disks").values(case)] == [2]
    # Zero is a value, an empty list leads nowhere and lacks nothing.
    assert field_path("destination.memory.swap_free_bytes").values(case) == [0]
    case = migration({"vm.disks": []})
    assert field_path("vm.disks.source.path.exists").values(case) == []
    assert field_path("vm.disks.source.path.exists").missing(case) is None


def test_the_first_absent_message_is_named():
    case = migration({"destination.memory": None})
    path = field_path("destination.memory.available_bytes")
    assert path.values(case) is None
    assert path.missing(case) == "destination.memory"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vm.disks.source.protocol", True),
        ("vm.disks.cache", True),
        ("vm.disks.backing_chain", False),
        ("vm.disks.source.path", True),
        ("vm.disks.shareable", False),
        ("vm.disks", True),
        ("vm.launch_security", False),
        ("vm.cpu", True),
        ("options.live", True),
        ("options.tls", False),
    ],
)
def test_one_element_is_enough_to_hold(text, expected):
    disks = [
        {"target": "sda"},
        {"target": "vda", "cache": "none", "source": {"protocol": "nbd"}},
        {"target": "vdb", "source": {"path": {"path": "/x"}}},
    ]
    assert field_path(text).holds(migration({"vm.disks": disks})) is expected
