"""The list of known migration bugs can be extended without knowing the code."""

import re
from importlib import resources

import pytest
import yaml

from vmfit_comparator.knowledge.regressions import regressions

TEXT = resources.files("vmfit_comparator.knowledge").joinpath("known_regressions.yaml").read_text()
ENTRIES = yaml.safe_load(TEXT)
VERSIONS = {
    f"{side}_{what}"
    for side in ("source", "destination")
    for what in ("hypervisor", "libvirt", "kernel")
}
REQUIRED = {"id", "summary", "package", "fixed_in", "references"}
OPTIONAL = {"domain_type", "minimum_vcpu_count", "guest_lacks", "hosts_features", "added_features"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_shape(entry):
    assert set(entry) >= REQUIRED
    assert set(entry) <= REQUIRED | OPTIONAL | VERSIONS, "a key that nothing reads"
    assert VERSIONS.intersection(entry), "it would concern every pair of hosts"
    assert re.fullmatch(r"[a-z0-9-]+", entry["id"])
    assert entry["references"]
    assert all(each.startswith("https://") for each in entry["references"])
    for name in VERSIONS.intersection(entry):
        assert entry[name], name
        assert set(entry[name]) <= {"minimum", "below"}
        assert all(re.fullmatch(r"\d+(\.\d+){0,2}", each) for each in entry[name].values())


def test_all_are_read():
    assert [each.id for each in regressions()] == [each["id"] for each in ENTRIES]
    assert len({each["id"] for each in ENTRIES}) == len(ENTRIES)
