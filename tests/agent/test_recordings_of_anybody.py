"""A recording that somebody made up costs its own parts, and is never a bug's traceback."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit_agent.collection import CollectorRunner
from vmfit_agent.collectors import COLLECTORS
from vmfit_agent.describe import describe_vm
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.recording.recorded_libvirt import RECORD_FIELDS, RecordedLibvirt
from vmfit_agent.sources import UnknownDomain
from vmfit_contract.access import LOCAL

HOST = Path(__file__).parents[1] / "hosts/epyc-four-nodes"
NAMES = {
    str(path.relative_to(HOST)): path.read_text() for path in sorted(HOST.glob("libvirt/**/*.*"))
}
PARTS = {name: COLLECTORS[name] for name in ("domains", "hypervisor", "libvirt_objects")}
SCALARS = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-(2**65), 2**65)
    | st.text(st.characters(codec=None), max_size=5)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


def collect(change):
    """Collect from the recording with one file changed; return errors and warnings."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        shutil.copytree(HOST / "libvirt", root / "libvirt")
        name, text = change
        (root / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            host = Host(root, RecordedLibvirt(root))
        except ValueError:
            return []
        parts = CollectorRunner(host, PARTS).collect(PARTS)
        for vm in parts["domains"].message.vms if parts["domains"].message else ():
            try:
                describe_vm(DescribeVmRequest(name=vm.name), host, LOCAL)
            except (LibvirtUnavailable, UnknownDomain, ValueError):
                continue
        return [part.status.error for part in parts.values()]


@st.composite
def changed_json(draw):
    name = draw(st.sampled_from([each for each in NAMES if each.endswith(".json")]))
    content = json.loads(NAMES[name])
    keys = sorted({*content, *RECORD_FIELDS, "volume_xmls", "value_set"})
    content |= draw(st.dictionaries(st.sampled_from(keys), VALUES, min_size=1, max_size=4))
    return name, json.dumps(content)


@st.composite
def changed_text(draw):
    name = draw(st.sampled_from(sorted(NAMES)))
    text = NAMES[name]
    start = draw(st.integers(0, len(text)))
    length = draw(st.integers(0, 40))
    piece = draw(st.text(st.characters(codec=None), max_size=8) | st.sampled_from([text[:400], ""]))
    return name, text[:start] + piece + text[start + length :]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changed_json() | changed_text())
def test_no_file_of_a_recording_is_a_bug(change):
    assert not [error for error in collect(change) if "internal error" in error]


@pytest.mark.parametrize(
    ("field", "value"),
    [("state", 1.5), ("state", True), ("snapshot_count", -1), ("resident_bytes", 2**64),
     ("persistent", "yes"), ("active_job", 7), ("block_jobs", [[1, 2], [3], "x", None])],
)  # fmt: skip
def test_values_that_cannot_be_are_left_out(field, value):
    [name] = [each for each in NAMES if "/domains/" in each and each.endswith(".json")][:1]
    content = json.loads(NAMES[name]) | {field: value}
    assert collect((name, json.dumps(content))) == ["", "", ""]


@pytest.mark.parametrize("value", [True, 1.5, -1, 2**64, "9", None, [9]])
@pytest.mark.parametrize("field", ["libvirt_version", "hypervisor_version"])
def test_versions_that_are_no_numbers_are_left_out(field, value):
    [name] = [each for each in NAMES if each.endswith("/meta.json")]
    assert collect((name, json.dumps(json.loads(NAMES[name]) | {field: value}))) == ["", "", ""]
