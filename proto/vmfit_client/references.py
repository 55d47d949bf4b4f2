"""What a program writes for a host or a VM, as the references of a request."""

from pathlib import Path

from vmfit.v1.comparator_service_pb2 import HostReference, PolicyReference, VmReference
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm as DescribedVm
from vmfit_client.failure import VmfitError
from vmfit_contract.address import AGENT_PORT, AddressError, parse_address
from vmfit_contract.definition_file import DefinitionFileError, read_definition
from vmfit_contract.snapshot_file import SnapshotFileError, read_message, read_snapshot

Host = str | Path | Snapshot
"""A name of the comparator's inventory, an agent's address ("host:port", "unix:PATH"), a file with
a snapshot, or a snapshot."""

Vm = str | Path | DescribedVm
"""A name or UUID on the source, a file with domain XML (.xml) or a described VM (.json), or a
described VM."""

_MAX_VM_BYTES = 16 * 1024 * 1024


def host_reference(host: Host, field: str) -> HostReference:
    """Return a host as a request names it. Raises VmfitError, which names `field`."""
    if isinstance(host, Snapshot):
        return HostReference(snapshot=host)
    try:
        if isinstance(host, Path):
            return HostReference(snapshot=read_snapshot(host))
        if ":" in host:
            return HostReference(address=str(parse_address(host, AGENT_PORT)))
    except (SnapshotFileError, AddressError) as error:
        raise VmfitError(f"{field}: {error}") from None
    return HostReference(name=host)


def vm_reference(vm: Vm) -> VmReference:
    """Return a VM as a request names it. Raises VmfitError."""
    if isinstance(vm, DescribedVm):
        return VmReference(description=vm)
    if isinstance(vm, str):
        return VmReference(name_or_uuid=vm)
    try:
        if vm.suffix == ".xml":
            return VmReference(xml=read_definition(vm))
        return VmReference(description=read_message(vm, DescribedVm, _MAX_VM_BYTES))
    except (DefinitionFileError, SnapshotFileError) as error:
        raise VmfitError(f"vm: {error}") from None


def policy_reference(policy: str | Policy | None) -> PolicyReference | None:
    """Return a policy by its name or by its content; None for the comparator's default."""
    if policy is None:
        return None
    if isinstance(policy, Policy):
        return PolicyReference(inline=policy)
    return PolicyReference(name=policy)
