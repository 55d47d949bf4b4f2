"""Values as evidence shows them."""

import pytest

from tests.comparator.builders import migration
from vmfit.v1.migration_pb2 import StorageCopy
from vmfit.v1.options_pb2 import Volatility
from vmfit_comparator.evaluation.enum_names import names_of_values
from vmfit_comparator.evaluation.evidence import text_of
from vmfit_comparator.evaluation.field_path import field_path


def text(path, changes=None):
    compiled = field_path(path)
    values = compiled.values(migration(changes))
    assert values is not None
    return text_of(values, compiled)


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        ("vm.name", {"vm.name": "web"}, "web"),
        ("options.live", None, "true"),
        ("options.storage_copy", {"options.storage_copy": StorageCopy.STORAGE_COPY_ALL}, "ALL"),
        ("options.copied_disks", {"options.copied_disks": []}, "none"),
        ("options.copied_disks", {"options.copied_disks": ["vda", "vdb"]}, "vda, vdb"),
        ("options.copied_disks", {"options.copied_disks": ["vda"] * 9}, "9 entries"),
        ("source.cpu", None, "present"),
        ("vm.nics", {"vm.nics": [{"mac": "52:54:00:00:00:01"}]}, "1 entry"),
        ("vm.nics", {"vm.nics": []}, "none"),
        ("source.kernel.modules", {"source.kernel.modules": [{"name": "a"}] * 3}, "3 entries"),
        (
            "source.cpu.vulnerabilities",
            {"source.cpu.vulnerabilities": {"mds": "Vulnerable", "l1tf": "Not affected"}},
            "l1tf=Not affected, mds=Vulnerable",
        ),
    ],
)
def test_texts(path, changes, expected):
    assert text(path, changes) == expected


def test_lists_of_several_elements_are_joined():
    nodes = [{"node_id": 0, "cpu_ids": [0, 1]}, {"node_id": 1, "cpu_ids": [2]}]
    changes = {"source.numa.nodes": nodes}
    assert text("source.numa.nodes.cpu_ids", changes) == "0, 1, 2"
    assert text("source.numa.nodes.node_id", changes) == "0, 1"


def test_names_of_an_enum():
    assert names_of_values(Volatility.DESCRIPTOR)[1] == "STATIC"
    assert names_of_values(None) == {}
