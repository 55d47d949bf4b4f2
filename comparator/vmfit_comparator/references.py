"""Hosts and VMs as people name them, and `check` for programs that need one answer."""

from collections.abc import Collection, Sequence
from pathlib import Path

from vmfit.v1.comparator_service_pb2 import (
    CheckRequest,
    CheckResponse,
    HostReference,
    PolicyReference,
    VmReference,
)
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.engine import Engine
from vmfit_contract.address import AGENT_PORT, parse_address
from vmfit_contract.snapshot_file import read_message, read_snapshot


def host_reference(text: str, names: Collection[str] = ()) -> HostReference:
    """Return the host that `text` means: an inventory name, a snapshot file or an address.

    A name of the inventory (`names`) wins, then a file that exists; what has a port or starts with
    "unix:" is an address. Raises SnapshotFileError, or ValueError when it is none of them.
    """
    if text in names:
        return HostReference(name=text)
    if Path(text).exists() and not Path(text).is_socket():
        return HostReference(snapshot=read_snapshot(Path(text)))
    if text.startswith(("unix:", "[")) or text.rpartition(":")[2].isdecimal():
        return HostReference(address=str(parse_address(text, AGENT_PORT)))
    raise ValueError(f"host {text!r}: neither in the inventory, nor host:port, nor a file")


def vm_reference(text: str) -> VmReference:
    """Return the VM that `text` means: a file that describes it, else a name or UUID.

    Only what ends in ".json" or ".pb" is taken for a file. Raises SnapshotFileError.
    """
    if text.endswith((".json", ".pb")):
        return VmReference(description=read_message(Path(text), Vm))
    return VmReference(name_or_uuid=text)


def check(
    vm: str | Vm,
    source: str,
    destination: str,
    *,
    options: MigrationOptions | None = None,
    policy: str | Policy = "default",
    facts: Sequence[str] = (),
    engine: Engine | None = None,
    timeout_seconds: float | None = None,
) -> CheckResponse:
    """Answer whether `vm` can move from `source` to `destination`, all named as people do.

    Without an `engine` one is made for this answer; keep one for several. Raises EngineError, and
    ValueError for a name or file that cannot be used.
    """
    if engine is None:
        with Engine() as own:
            return check(
                vm,
                source,
                destination,
                options=options,
                policy=policy,
                facts=facts,
                engine=own,
                timeout_seconds=timeout_seconds,
            )
    names = engine.inventory.hosts
    request = CheckRequest(
        source=host_reference(source, names),
        destination=host_reference(destination, names),
        vm=vm_reference(vm) if isinstance(vm, str) else VmReference(description=vm),
        options=options,
        policy=PolicyReference(name=policy)
        if isinstance(policy, str)
        else PolicyReference(inline=policy),
        facts=facts,
    )
    return engine.check(request, timeout_seconds)
