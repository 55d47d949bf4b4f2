"""Why a call has no answer, for programs: what ErrorInfo of a status says.

Source: google.rpc.ErrorInfo and RetryInfo, https://google.aip.dev/193
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """What a program may act on. Whatever has none of these is named like its status."""

    HOST_UNKNOWN = "HOST_UNKNOWN"
    """The inventory has no host of that name. Metadata: host."""
    HOST_MISMATCHED = "HOST_MISMATCHED"
    """Another machine answers than the one that is expected. Metadata: host."""
    ADDRESS_DENIED = "ADDRESS_DENIED"
    """The caller may only name hosts of the inventory. Metadata: address."""
    AGENT_UNREACHABLE = "AGENT_UNREACHABLE"
    """The host's agent cannot be asked. Metadata: host. Ask again later."""
    AGENT_TOO_SLOW = "AGENT_TOO_SLOW"
    """The host's agent did not answer in time. Metadata: host. Ask again later."""
    AGENT_DENIES = "AGENT_DENIES"
    """The host's agent does not let the comparator ask. Metadata: host."""
    AGENT_UNUSABLE = "AGENT_UNUSABLE"
    """The host's agent gives no answer that can be used. Metadata: host."""
    VM_UNKNOWN = "VM_UNKNOWN"
    """The host has no such VM. Metadata of the comparator's: host, vm."""
    VM_AMBIGUOUS = "VM_AMBIGUOUS"
    """The host has several such VMs: name the UUID. Metadata: host, vm."""
    VM_UNUSABLE = "VM_UNUSABLE"
    """The VM's definition cannot be used. Metadata of the comparator's: host."""
    FACT_UNKNOWN = "FACT_UNKNOWN"
    """The catalogue has no such fact."""
    PART_UNKNOWN = "PART_UNKNOWN"
    """A snapshot has no such part. Metadata: part."""
    POLICY_UNKNOWN = "POLICY_UNKNOWN"
    """No policy has that name. Metadata: policy."""
    POLICY_UNUSABLE = "POLICY_UNUSABLE"
    """The policy of the request cannot be used."""
    CHECK_UNKNOWN = "CHECK_UNKNOWN"
    """The store has no check of that id. Metadata: check_id."""
    STORE_MISSING = "STORE_MISSING"
    """The comparator keeps nothing: no store is configured."""
    STORE_UNREACHABLE = "STORE_UNREACHABLE"
    """The store cannot be used. Ask again later."""
    PAST_NOT_KEPT = "PAST_NOT_KEPT"
    """The comparator does not know the host as it was then. Metadata: host, if a past is kept."""
    PROBES_FORBIDDEN = "PROBES_FORBIDDEN"
    """The agent's configuration forbids probes."""
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    """The agent cannot ask its collecting process, or libvirt. Ask again later."""
    MEMORY_PROMISED = "MEMORY_PROMISED"
    """The host has not so much memory that is promised to nobody else."""
    LEASE_ENDED = "LEASE_ENDED"
    """The VM has no lease on the host, or none any more: reserve again."""
    LEASE_OF_ANOTHER = "LEASE_OF_ANOTHER"
    """Somebody else holds a lease for the VM on the host."""
    GENERATION_STALE = "GENERATION_STALE"
    """The lease has changed since: list it."""
    PREPARER_MISSING = "PREPARER_MISSING"
    """The agent's configuration has no process that prepares."""
    LEDGER_UNUSABLE = "LEDGER_UNUSABLE"
    """The host's ledger cannot be read or written."""
    ROLE_MISSING = "ROLE_MISSING"
    """The caller has not the role that the call needs. Metadata: caller, role."""
    OVERLOADED = "OVERLOADED"
    """Too much is under way, or the machine has no room. Ask again later."""
    STOPPING = "STOPPING"
    """The service is stopping. Ask again later, or another one."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What a program is told about a call without an answer."""

    reason: str = ""
    """A Reason, as text: servers may know more of them; empty for the status's own name."""
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    retry_seconds: float | None = None
    """After what time it makes sense to ask again; None where it makes none."""


NO_CAUSE = Cause()
