"""Reads domains from a live libvirt connection. The library and its objects are passed in."""

import re
from collections.abc import Iterator
from typing import Any

from vmfit_agent.host import DomainRecord

_ACTIVE_STATES = frozenset((1, 2, 3, 4, 6, 7))
_SHUT_OFF = 5
# libvirt's own output: only disks have a bus beside their name.
_DISK_TARGET = re.compile(r"<target dev='([^']+)' bus=")

_BLOCK_JOBS = {1: "pull", 2: "copy", 3: "commit", 4: "active-commit", 5: "backup"}
_JOB_OPERATIONS = {
    1: "start",
    2: "save",
    3: "restore",
    4: "migration in",
    5: "migration out",
    6: "snapshot",
    7: "snapshot revert",
    8: "dump",
    9: "backup",
    10: "snapshot delete",
}
_RUNNING_JOB_TYPES = frozenset((1, 2))

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


def list_domains(libvirt: Any, connection: Any, uri: str) -> list[DomainRecord]:  # noqa: ANN401
    """Return all domains; one that goes away meanwhile is left out.

    Raises libvirtError when the connection broke.
    """
    resident = _resident_bytes(libvirt, connection)
    records = []
    for domain in connection.listAllDomains(0):
        try:
            records.append(_record(libvirt, domain, uri, resident.get(domain.UUIDString())))
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
    return records


def find_domain(
    libvirt: Any,  # noqa: ANN401
    connection: Any,  # noqa: ANN401
    uri: str,
    name_or_uuid: str,
) -> DomainRecord | None:
    """Return the domain of that name, else of that UUID, else None."""
    for lookup in (connection.lookupByName, connection.lookupByUUIDString):
        try:
            domain = lookup(name_or_uuid)
            resident = _resident_bytes(libvirt, connection, domain)
            return _record(libvirt, domain, uri, resident.get(domain.UUIDString()))
        except libvirt.libvirtError as error:
            # A name that is no UUID is an invalid argument of the second lookup.
            if error.get_error_code() not in {
                libvirt.VIR_ERR_NO_DOMAIN,
                libvirt.VIR_ERR_INVALID_ARG,
            }:
                raise
    return None


def _resident_bytes(libvirt: Any, connection: Any, *domains: Any) -> dict[str, int]:  # noqa: ANN401
    """Return what each hypervisor process holds, by UUID, without waiting for busy ones."""
    flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    try:
        if domains:
            stats = connection.domainListGetStats(domains, libvirt.VIR_DOMAIN_STATS_BALLOON, flags)
        else:
            stats = connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_BALLOON, flags)
    except libvirt.libvirtError:
        return {}
    return {
        domain.UUIDString(): values["balloon.rss"] * 1024
        for domain, values in stats
        if values.get("balloon.rss")
    }


def _record(libvirt: Any, domain: Any, uri: str, resident: int | None) -> DomainRecord:  # noqa: ANN401
    state, reason = domain.state()
    active = state in _ACTIVE_STATES
    xml = domain.XMLDesc(0)
    persistent = _optional(libvirt, domain.isPersistent)
    inactive_xml = None
    if active and persistent:
        inactive_xml = _optional(libvirt, domain.XMLDesc, libvirt.VIR_DOMAIN_XML_INACTIVE)
    job, block_jobs, jobs_known = _jobs(libvirt, domain, xml) if active else (None, (), False)
    checkpoints = _optional(libvirt, domain.listAllCheckpoints)
    return DomainRecord(
        uri=uri,
        xml=xml,
        state=state,
        state_reason=_reason(state, reason),
        persistent=None if persistent is None else bool(persistent),
        inactive_xml=inactive_xml,
        active_job=job,
        block_jobs=block_jobs,
        jobs_known=jobs_known,
        snapshot_count=_optional(libvirt, domain.snapshotNum),
        checkpoint_count=None if checkpoints is None else len(checkpoints),
        resident_bytes=resident if active else None,
    )


def _reason(state: int, reason: int) -> str:
    words = _REASONS.get(state, ())
    return words[reason] if 0 <= reason < len(words) else ""


def _optional(libvirt: Any, call: Any, *arguments: Any) -> Any:  # noqa: ANN401
    """Return the answer, None when the driver has no such call or refuses it."""
    try:
        return call(*arguments)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return None


def _jobs(
    libvirt: Any,  # noqa: ANN401
    domain: Any,  # noqa: ANN401
    xml: str,
) -> tuple[str | None, tuple[tuple[str, str], ...], bool]:
    """Return the domain's job, the block jobs, and whether all questions were answered."""
    stats = _optional(libvirt, domain.jobStats)
    if stats is None:
        return None, (), False
    job = None
    if stats.get("type") in _RUNNING_JOB_TYPES:
        job = _JOB_OPERATIONS.get(stats.get("operation", 0), "unknown")
    answers = list(_block_jobs(libvirt, domain, xml))
    known = all(kind is not None for _, kind in answers)
    return job, tuple((target, kind) for target, kind in answers if kind), known


def _block_jobs(libvirt: Any, domain: Any, xml: str) -> Iterator[tuple[str, str | None]]:  # noqa: ANN401
    """Yield each disk's job: empty when idle, None when that could not be asked."""
    for target in _DISK_TARGET.findall(xml):
        answer = _optional(libvirt, domain.blockJobInfo, target, 0)
        if answer is None:
            yield target, None
        else:
            kind = answer.get("type", 0)
            yield target, _BLOCK_JOBS.get(kind, "unknown") if kind else ""
