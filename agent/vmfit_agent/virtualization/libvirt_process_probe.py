"""Asks what only the hypervisor processes know: jobs and resident memory. They may hang."""

import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from vmfit_agent.bounded_call import call_within
from vmfit_agent.host import DomainRecord
from vmfit_agent.virtualization.libvirt_dirty_rate import MEASURED, age_seconds
from vmfit_agent.virtualization.libvirt_domains import ACTIVE_STATES, optional

PROBE_SECONDS = 3.0
"""A guest whose storage is gone may hold its hypervisor process, and who asks it, for ever."""

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

# What a guest writes changes: an older measurement says nothing.
_FRESH_SECONDS = 60
# VIR_DOMAIN_CONTROL_OCCUPIED and _ERROR.
_BUSY_CONTROL_STATES = frozenset((2, 3))


class ProcessProbe:
    """Asks over a connection of its own, so that what hangs costs no other question."""

    def __init__(self, libvirt: Any, uri: str, *, read_only: bool) -> None:  # noqa: ANN401
        self._libvirt = libvirt
        self._uri = uri
        self._read_only = read_only
        self._connection: Any = None
        self._turn = threading.Lock()

    def complete(self, records: Mapping[str, DomainRecord]) -> list[DomainRecord]:
        """Return the records with their jobs and resident memory, as far as they are told in time.

        A process that hangs costs the answers after its own once. libvirt then calls it occupied,
        and it is passed over; the thread and the connection that wait for it are given up.
        """
        active = {uuid: one for uuid, one in records.items() if one.state in ACTIVE_STATES}
        found: dict[str, DomainRecord] = {}
        if active and self._turn.acquire(timeout=PROBE_SECONDS):
            try:
                call_within(PROBE_SECONDS, lambda: self._ask(active, found))
            except (TimeoutError, self._libvirt.libvirtError):
                self._connection = None
            finally:
                self._turn.release()
        answers = dict(found)  # A thread that was given up may go on to write.
        return [answers.get(uuid, record) for uuid, record in records.items()]

    def _ask(self, active: Mapping[str, DomainRecord], found: dict[str, DomainRecord]) -> None:
        libvirt = self._libvirt
        connection = self._connection
        if connection is None or not connection.isAlive():
            connection = (libvirt.openReadOnly if self._read_only else libvirt.open)(self._uri)
            self._connection = connection
        for uuid, record in active.items():
            try:
                domain = connection.lookupByUUIDString(uuid)
                job, block_jobs, known = _jobs(libvirt, domain, record.xml)
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                    raise
                continue
            found[uuid] = record._replace(active_job=job, block_jobs=block_jobs, jobs_known=known)
        for uuid, values in _memory_statistics(libvirt, connection, found).items():
            rate, period = _dirty_rate(values)
            found[uuid] = found[uuid]._replace(
                resident_bytes=values.get("balloon.rss", 0) * 1024 or None,
                dirty_rate_bytes_per_second=rate,
                dirty_rate_period_seconds=period,
            )


def _dirty_rate(values: Mapping[str, int]) -> tuple[int | None, int | None]:
    """Return the rate and the period of a measurement that somebody had made just now."""
    rate = values.get("dirtyrate.megabytes_per_second")
    if values.get("dirtyrate.calc_status") != MEASURED or rate is None or rate < 0:
        return None, None
    if age_seconds(values) > _FRESH_SECONDS:
        return None, None
    return rate << 20, values.get("dirtyrate.calc_period")


def _memory_statistics(
    libvirt: Any,  # noqa: ANN401
    connection: Any,  # noqa: ANN401
    wanted: Mapping[str, object],
) -> dict[str, dict[str, int]]:
    """Return what libvirt says of each guest's memory, by UUID, without waiting for occupied ones.

    Source: virConnectGetAllDomainStats; it starts no measurement of the dirty rate.
    """
    flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    kinds = libvirt.VIR_DOMAIN_STATS_BALLOON | libvirt.VIR_DOMAIN_STATS_DIRTYRATE
    try:
        if len(wanted) == 1:
            domain = connection.lookupByUUIDString(next(iter(wanted)))
            stats = connection.domainListGetStats([domain], kinds, flags)
        else:
            stats = connection.getAllDomainStats(kinds, flags)
    except libvirt.libvirtError:
        return {}
    return {uuid: values for domain, values in stats if (uuid := domain.UUIDString()) in wanted}


def _jobs(
    libvirt: Any,  # noqa: ANN401
    domain: Any,  # noqa: ANN401
    xml: str,
) -> tuple[str | None, tuple[tuple[str, str], ...], bool]:
    """Return the domain's job, the block jobs, and whether all questions were answered."""
    # Of a hypervisor process that hangs, asking for jobs would hang, too: this never does.
    control = optional(libvirt, domain.controlInfo)
    busy = control is not None and control[0] in _BUSY_CONTROL_STATES
    stats = None if busy else optional(libvirt, domain.jobStats)
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
        answer = optional(libvirt, domain.blockJobInfo, target, 0)
        if answer is None:
            yield target, None
        else:
            kind = answer.get("type", 0)
            yield target, _BLOCK_JOBS.get(kind, "unknown") if kind else ""
