"""Builds migrations: a healthy pair of hosts and a VM, then changes by field path."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf import json_format, text_format
from google.protobuf.message import Message

from tests.comparator.healthy import FEATURES, PROBES, SOURCE, VM
from vmfit.v1.case_pb2 import ClockComparison, SnapshotAges
from vmfit.v1.finding_pb2 import Answer, Finding
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN

GIB = 1 << 30
MIB = 1 << 20

_POLICY = """
name: "test"
margins {
  memory_ratio: 1.0 numa_memory_ratio: 1.0 memory_overhead_bytes: 268435456 storage_ratio: 1.0
  tsc_tolerance_ppm: 250 clock_skew_yes_seconds: 0.1 clock_skew_probably_seconds: 2
  vcpu_overcommit_ratio: 4 clock_uncertainty_seconds: 0.5
}
freshness {
  volatile_fields { fresh_seconds: 60 stale_seconds: 600 }
  slow_fields { fresh_seconds: 3600 stale_seconds: 86400 }
  static_fields { fresh_seconds: 86400 stale_seconds: 2592000 }
}
"""
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def source_snapshot() -> Snapshot:
    """A healthy host called alpha; every part collected just now."""
    snapshot = text_format.Parse(SOURCE, Snapshot())
    snapshot.cpu.features.extend(FEATURES)
    (connection,) = snapshot.hypervisor.connections
    for capabilities in connection.domain_capabilities:
        capabilities.host_model.features.extend(FEATURES)
    emulated = connection.domain_capabilities.add()
    emulated.CopyFrom(connection.domain_capabilities[0])
    emulated.domain_type = "qemu"
    _add_statuses(snapshot)
    return snapshot


def destination_snapshot() -> Snapshot:
    """The same machine once more, called beta."""
    text = str(source_snapshot()).replace("alpha", "beta").replace("192.0.2.1", "192.0.2.2")
    text = re.sub(r'"a(?=\d000000)', '"b', text)
    return text_format.Parse(text, Snapshot())


def vm() -> Vm:
    """A running KVM guest with one shared disk, one bridged NIC."""
    guest = text_format.Parse(VM, Vm())
    guest.cpu.expanded_features.extend(FEATURES)
    return guest


def _add_statuses(snapshot: Snapshot) -> None:
    for field, _ in snapshot.ListFields():
        if field.message_type and field.name not in ("taken_at", "parts"):
            status = snapshot.parts.add(name=field.name, digest="00" * 16)
            status.collected_at.CopyFrom(snapshot.taken_at)


_HEALTHY = (source_snapshot(), destination_snapshot(), vm(), text_format.Parse(_POLICY, Policy()))


def migration(changes: Mapping[str, Any] | None = None) -> Case:
    """Return a healthy migration with `changes`, by path as facts spell them.

    "destination.numa.nodes[1].free_bytes": 0 sets a field, None clears it. Messages are given as
    dictionaries, lists of them as lists. What is changed below "vm" is changed in `incoming` too;
    "hosts" stands for both hosts.
    """
    roots: dict[str, Message] = {
        "source": Snapshot(),
        "destination": Snapshot(),
        "vm": Vm(),
        "incoming": Vm(),
        "options": MigrationOptions(live=True),
        "policy": Policy(),
        "probes": text_format.Parse(PROBES, ProbeAnswers()),
        "clock": ClockComparison(difference_seconds=0.0),
        "ages": SnapshotAges(),
    }
    for name, healthy in zip(("source", "destination", "vm", "policy"), _HEALTHY, strict=True):
        roots[name].CopyFrom(healthy)
    roots["incoming"].CopyFrom(_HEALTHY[2])
    for path, value in (changes or {}).items():
        root, rest = path.split(".", 1)
        names = {"vm": ("vm", "incoming"), "hosts": ("source", "destination")}.get(root, (root,))
        for name in names:
            assign(roots[name], rest, value)
    return Case(**roots)  # type: ignore[arg-type]


def assign(message: Message, path: str, value: Any) -> None:
    """Set the field that `path` names to `value`; None clears it."""
    *way, last = path.split(".")
    for step in way:
        name, index = _STEP.fullmatch(step).groups()  # type: ignore[union-attr]
        message = getattr(message, name) if index is None else getattr(message, name)[int(index)]
    if value is None:
        message.ClearField(last)
        return
    field = message.DESCRIPTOR.fields_by_name[last]
    if isinstance(value, Message):
        getattr(message, last).CopyFrom(value)
    elif field.message_type is None and not field.is_repeated:
        setattr(message, last, value)
    else:
        message.ClearField(last)
        json_format.ParseDict({last: value}, message)


def finding(fact: str, case: Case) -> Finding:
    """Evaluate one built-in fact, by its id."""
    # A case of its own: tests change messages, and a case remembers what it worked out of them.
    return evaluate([BUILT_IN[fact]], replace(case))[0]


def answer(name: str) -> int:
    """Return the number of "YES", "PROBABLY_NO", ..."""
    return Answer.Value(f"ANSWER_{name}")


def remedy_kinds(found: Finding) -> Sequence[str]:
    """Return which actions a finding's remedies name."""
    return [each.WhichOneof("action") or "" for each in found.remedies]
