"""One booted machine for all tests of this directory."""

import pytest

from tests.booted.machine import Machine, why_not


def pytest_collection_modifyitems(items):
    reason = why_not()
    for item in items:
        if "tests/booted/" in item.nodeid:
            item.add_marker(pytest.mark.booted)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("machine")) as machine:
        yield machine
