"""The requests of both clients, from what a program gives."""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.policy_pb2 import Policy
from vmfit_client.failure import VmfitError
from vmfit_client.references import Host, Vm, host_reference, policy_reference, vm_reference


def check(
    vm: Vm,
    *,
    source: Host,
    destination: Host,
    policy: str | Policy | None,
    options: MigrationOptions | None,
    facts: Sequence[str],
    at: datetime | None,
    probes: bool,
) -> messages.CheckRequest:
    """Return what asks for one destination. Raises VmfitError."""
    return messages.CheckRequest(
        source=host_reference(source, "source"),
        destination=host_reference(destination, "destination"),
        vm=vm_reference(vm),
        options=options,
        policy=policy_reference(policy),
        facts=facts,
        at=_timestamp(at),
        no_probes=not probes,
    )


def rank(
    vm: Vm,
    *,
    source: Host,
    destinations: Sequence[Host],
    destination_names: Sequence[str],
    policy: str | Policy | None,
    options: MigrationOptions | None,
    facts: Sequence[str],
    probes: bool,
    verdicts_only: bool,
) -> messages.RankRequest:
    """Return what asks for several destinations. Raises VmfitError."""
    return messages.RankRequest(
        source=host_reference(source, "source"),
        destinations=[
            host_reference(each, f"destinations[{place}]")
            for place, each in enumerate(destinations)
        ],
        destination_names=destination_names,
        vm=vm_reference(vm),
        options=options,
        policy=policy_reference(policy),
        facts=facts,
        no_probes=not probes,
        verdicts_only=verdicts_only,
    )


def diff(
    left: Host, right: Host, parts: Sequence[str], *, include_volatile: bool
) -> messages.DiffRequest:
    """Return what asks how two hosts differ. Raises VmfitError."""
    return messages.DiffRequest(
        left=host_reference(left, "left"),
        right=host_reference(right, "right"),
        parts=parts,
        include_volatile=include_volatile,
    )


def baseline(hosts: Sequence[Host], domain_type: str) -> messages.BaselineRequest:
    """Return what asks for what all hosts can give. Raises VmfitError."""
    references = [host_reference(each, f"hosts[{place}]") for place, each in enumerate(hosts)]
    return messages.BaselineRequest(hosts=references, domain_type=domain_type)


def snapshot(
    host: Host, parts: Sequence[str], at: datetime | None
) -> messages.GetHostSnapshotRequest:
    """Return what asks for a host's snapshot. Raises VmfitError."""
    return messages.GetHostSnapshotRequest(
        host=host_reference(host, "host"), parts=parts, at=_timestamp(at)
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise VmfitError(f"at: {moment.isoformat()} has no time zone")
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
