"""A recording of this host gives the same parts as the host itself."""

from pathlib import Path

import pytest

from vmfit_agent.collectors import COLLECTORS
from vmfit_agent.host import Host
from vmfit_agent.recording.host_recording import read_host
from vmfit_contract.cpu_features import MSR_BITS

# What only a running host tells, or what changes while the test runs.
LIVE_ONLY = {
    "identity": (
        "canonical_hostname",
        "hostname_addresses",
        "static_host_names",
        "name_servers",
        "resolver_read",
    ),
    "cpu": ("kvm", "tsc"),
    "numa": (),
    "kernel": ("kvm_usable", "limits"),
    "security": ("helper_sockets", "sasl"),
    "attributes": (),
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    root = tmp_path_factory.mktemp("recorded")
    globs = [glob for name in LIVE_ONLY for glob in COLLECTORS[name].files]
    read_host(Path("/"), globs).write(root, None)
    return root


@pytest.mark.parametrize("name", LIVE_ONLY)
def test_a_recording_gives_the_same_part(recorded, name):
    collect = COLLECTORS[name].collect
    live, found = collect(Host(Path("/"))), collect(Host(recorded))
    for part in (live, found):
        for field in LIVE_ONLY[name]:
            part.ClearField(field)
        for node in part.nodes if name == "numa" else ():
            node.ClearField("free_bytes")
            node.ClearField("reclaimable_bytes")
            node.ClearField("total_bytes")
    if name == "cpu":
        # Without the module msr only KVM tells these, and only to a running agent.
        hidden = {bit.name for bits in MSR_BITS.values() for bit in bits} - set(found.features)
        kept = [feature for feature in live.features if feature not in hidden]
        del live.features[:]
        live.features.extend(kept)
    assert found == live


def test_the_clock_and_memory_of_a_recording(tmp_path):
    globs = [glob for name in ("clock", "memory") for glob in COLLECTORS[name].files]
    read_host(Path("/"), globs).write(tmp_path, None)
    live, found = (COLLECTORS["memory"].collect(Host(root)) for root in (Path("/"), tmp_path))
    assert found.default_huge_page_bytes == live.default_huge_page_bytes
    assert found.transparent_huge_pages == live.transparent_huge_pages
    assert found.HasField("pressure") == live.HasField("pressure")
    live, found = (COLLECTORS["clock"].collect(Host(root)) for root in (Path("/"), tmp_path))
    assert (found.time_zone, found.clock_source) == (live.time_zone, live.clock_source)
    assert not found.HasField("synchronised")
