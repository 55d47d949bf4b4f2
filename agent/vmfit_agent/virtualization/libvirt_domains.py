"""Reads domains from a live libvirt connection. The library and its objects are passed in."""

from typing import Any

from vmfit_agent.host import DomainRecord

ACTIVE_STATES = frozenset((1, 2, 3, 4, 6, 7))
# QEMU_DOMAIN_MIG_BANDWIDTH_MAX, what a domain has that nobody set a limit for: 2^63 - 1 bytes.
_UNLIMITED_MIB = (1 << 43) - 1
# The words of virsh domstate --reason, by virDomainState.
_REASONS: dict[int, tuple[str, ...]] = {
    1: (
        "unknown",
        "booted",
        "migrated",
        "restored",
        "from snapshot",
        "unpaused",
        "migration canceled",
        "save canceled",
        "event wakeup",
        "crashed",
        "post-copy",
        "post-copy failed",
    ),
    3: (
        "unknown",
        "user",
        "migration",
        "save",
        "dump",
        "ioerror",
        "watchdog",
        "from snapshot",
        "shutting down",
        "snapshot",
        "crashed",
        "starting up",
        "post-copy",
        "post-copy failed",
        "api error",
    ),
    4: ("unknown", "user"),
    5: (
        "unknown",
        "shutdown",
        "destroyed",
        "crashed",
        "migrated",
        "saved",
        "failed",
        "from snapshot",
        "daemon",
    ),
    6: ("unknown", "panicked"),
}


def list_domains(libvirt: Any, connection: Any, uri: str) -> dict[str, DomainRecord]:  # noqa: ANN401
    """Return all domains by UUID; one that goes away meanwhile is left out.

    Nothing here waits for a hypervisor process: jobs and resident memory are left open.
    Raises libvirtError when the connection broke.
    """
    records = {}
    for domain in connection.listAllDomains(0):
        try:
            records[domain.UUIDString()] = _record(libvirt, domain, uri)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
    return records


def find_domain(
    libvirt: Any,  # noqa: ANN401
    connection: Any,  # noqa: ANN401
    uri: str,
    name_or_uuid: str,
) -> dict[str, DomainRecord]:
    """Return the domain of that name, else of that UUID, by its UUID; empty when there is none."""
    for lookup in (connection.lookupByName, connection.lookupByUUIDString):
        try:
            domain = lookup(name_or_uuid)
            return {domain.UUIDString(): _record(libvirt, domain, uri)}
        except libvirt.libvirtError as error:
            # A name that is no UUID is an invalid argument of the second lookup.
            if error.get_error_code() not in {
                libvirt.VIR_ERR_NO_DOMAIN,
                libvirt.VIR_ERR_INVALID_ARG,
            }:
                raise
    return {}


def _record(libvirt: Any, domain: Any, uri: str) -> DomainRecord:  # noqa: ANN401
    state, reason = domain.state()
    active = state in ACTIVE_STATES
    xml = domain.XMLDesc(0)
    persistent = optional(libvirt, domain.isPersistent)
    inactive_xml = None
    if active and persistent:
        inactive_xml = optional(libvirt, domain.XMLDesc, libvirt.VIR_DOMAIN_XML_INACTIVE)
    checkpoints = optional(libvirt, domain.listAllCheckpoints)
    return DomainRecord(
        uri=uri,
        xml=xml,
        state=state,
        state_reason=_reason(state, reason),
        persistent=None if persistent is None else bool(persistent),
        inactive_xml=inactive_xml,
        snapshot_count=optional(libvirt, domain.snapshotNum),
        checkpoint_count=None if checkpoints is None else len(checkpoints),
        migration_limit_bytes_per_second=_migration_limit(libvirt, domain) if active else None,
    )


def _migration_limit(libvirt: Any, domain: Any) -> int | None:  # noqa: ANN401
    """Return what a migration may send a second; None without a limit, and without an answer."""
    mib = optional(libvirt, domain.migrateGetMaxSpeed)
    return mib << 20 if mib and mib < _UNLIMITED_MIB else None


def _reason(state: int, reason: int) -> str:
    words = _REASONS.get(state, ())
    return words[reason] if 0 <= reason < len(words) else ""


def optional(libvirt: Any, call: Any, *arguments: Any) -> Any:  # noqa: ANN401
    """Return the answer, None when the driver has no such call or refuses it."""
    try:
        return call(*arguments)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return None
