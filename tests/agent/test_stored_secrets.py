"""Secrets that libvirt has a value for."""

import pytest

from vmfit_agent.host import Host
from vmfit_agent.virtualization.stored_secrets import stored_values

UUID = "5ec00000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("endings", "expected"),
    [
        ((), None),
        (("xml",), False),
        (("xml", "base64"), True),
        (("base64",), None),
    ],
)
def test_a_value_lies_beside_its_definition(tmp_path, endings, expected):
    directory = tmp_path / "etc/libvirt/secrets"
    directory.mkdir(parents=True)
    (directory / "5ec00000-0000-4000-8000-000000000002.base64").touch()
    for ending in endings:
        (directory / f"{UUID}.{ending}").touch()
    assert stored_values(Host(tmp_path)).get(UUID) is expected
