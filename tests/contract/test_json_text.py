"""The JSON of messages: canonical, and laid out for people and `diff`."""

import json

from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit_contract.json_text import to_json

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_TREES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=12,
)


def _snapshot():
    snapshot = Snapshot(schema_revision=1, agent_version="0.1.0")
    snapshot.memory.available_bytes = 2**40
    snapshot.parts.append(PartStatus(name="identity", digest="00"))
    for name in ("zeta", "alpha", "mid"):
        snapshot.attributes.values[name].update({"b": 1, "a": [True, None]})
        snapshot.security.qemu_conf[name] = name
    return snapshot


def test_json_is_stable_and_in_schema_order():
    text = to_json(_snapshot())
    tree = json.loads(text)
    assert list(tree)[:3] == ["schemaRevision", "agentVersion", "parts"]
    assert list(tree["security"]["qemuConf"]) == ["alpha", "mid", "zeta"]
    assert list(tree["attributes"]["values"]) == ["alpha", "mid", "zeta"]
    assert tree["attributes"]["values"]["mid"] == {"a": [True, None], "b": 1}
    assert tree["memory"]["availableBytes"] == str(2**40)
    # An empty list is there, an absent optional field is not.
    assert tree["memory"]["hugePages"] == []
    assert "freeBytes" not in tree["memory"]
    assert text.endswith("}\n")
    reordered = Snapshot.FromString(_snapshot().SerializeToString())
    assert to_json(reordered) == text


def ascii_of(character):
    return json.dumps(character)[1:-1]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_TEXTS, _TREES, max_size=4))
def test_the_layout_is_that_of_the_standard_library(values):
    snapshot = _snapshot()
    snapshot.attributes.values["any"].update(values)
    text = to_json(snapshot)
    expected = json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
    # But for what a terminal would obey.
    escaped = (each if each.isprintable() or each == "\n" else ascii_of(each) for each in expected)
    assert text == "".join(escaped)
    assert json_format.Parse(text, Snapshot()) == snapshot
