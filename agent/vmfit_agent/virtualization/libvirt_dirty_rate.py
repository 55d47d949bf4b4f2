"""Has QEMU measure how fast a running domain writes to its memory. The library is passed in."""

import time
from collections.abc import Mapping
from typing import Any

from vmfit_agent.host import DirtyRate, LibvirtUnavailable
from vmfit_agent.virtualization.libvirt_domains import optional

_RUNNING = 1
# VIR_DOMAIN_CONTROL_OCCUPIED and _ERROR.
_BUSY_CONTROL_STATES = frozenset((2, 3))
# VIR_DOMAIN_JOB_BOUNDED and _UNBOUNDED.
_RUNNING_JOB_TYPES = frozenset((1, 2))
# VIR_DOMAIN_DIRTYRATE_MEASURING and _MEASURED.
_MEASURING, MEASURED = 1, 2
_RECENT_SECONDS = 10
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 0.3


def age_seconds(values: Mapping[str, Any]) -> float:
    """Return how long ago a measurement began: QEMU tells it by the host's monotonic clock."""
    return time.monotonic() - float(values.get("dirtyrate.calc_start_time", 0))


def measure_dirty_rate(
    libvirt: Any,  # noqa: ANN401 -- an optional module
    connection: Any,  # noqa: ANN401
    uuid: str,
    period_seconds: int,
    seconds: float,
) -> DirtyRate | None:
    """Measure, or wait for the measurement that is under way; None when there is no such domain.

    Raises LibvirtUnavailable when it cannot be measured in the time, and libvirtError. Nothing is
    left behind: QEMU ends a measurement by itself.
    """
    give_up_at = time.monotonic() + seconds
    try:
        domain = connection.lookupByUUIDString(uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise
    _require_idle(libvirt, domain)
    values = _look(libvirt, connection, domain)
    if not _is_of_use(values):
        _start(libvirt, domain, period_seconds)
        values = _values(libvirt, connection, domain, give_up_at)
    while values.get("dirtyrate.calc_status") != MEASURED:
        period = int(values.get("dirtyrate.calc_period", period_seconds))
        if time.monotonic() - age_seconds(values) + period > give_up_at:
            raise LibvirtUnavailable(f"a measurement of {period} s is under way, longer than asked")
        time.sleep(_POLL_SECONDS)
        values = _values(libvirt, connection, domain, give_up_at)
    downtime = optional(libvirt, domain.migrateGetMaxDowntime)
    return DirtyRate(
        bytes_per_second=max(int(values["dirtyrate.megabytes_per_second"]), 0) << 20,
        period_seconds=int(values.get("dirtyrate.calc_period", period_seconds)),
        maximum_downtime_seconds=None if downtime is None else downtime / 1000,
    )


def _require_idle(libvirt: Any, domain: Any) -> None:  # noqa: ANN401
    """Raise LibvirtUnavailable where libvirt would let the question wait, for half a minute."""
    if domain.state()[0] != _RUNNING:
        raise LibvirtUnavailable("the domain does not run: it writes nothing")
    if not _answers(libvirt, domain):
        raise LibvirtUnavailable("libvirt waits for the domain's hypervisor process")
    job = optional(libvirt, domain.jobStats)
    if job is not None and job.get("type") in _RUNNING_JOB_TYPES:
        raise LibvirtUnavailable("the domain has a job under way, beside which nothing is measured")


def _answers(libvirt: Any, domain: Any) -> bool:  # noqa: ANN401
    """Tell whether the hypervisor process answers; any other question occupies it for a moment."""
    patient_until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        control = optional(libvirt, domain.controlInfo)
        if control is None or control[0] not in _BUSY_CONTROL_STATES:
            return True
        if time.monotonic() > patient_until:
            return False
        time.sleep(_POLL_SECONDS)


def _is_of_use(values: Mapping[str, Any]) -> bool:
    """Tell whether a measurement is under way or has just ended."""
    status = values.get("dirtyrate.calc_status")
    return status == _MEASURING or (status == MEASURED and age_seconds(values) <= _RECENT_SECONDS)


def _start(libvirt: Any, domain: Any, period_seconds: int) -> None:  # noqa: ANN401
    if not hasattr(domain, "startDirtyRateCalc"):
        raise LibvirtUnavailable("this libvirt cannot measure dirty rates: 7.2 and newer can")
    try:
        domain.startDirtyRateCalc(period_seconds)
    except libvirt.libvirtError as error:
        # Of two that ask at once, the second takes the measurement of the first.
        if "already being measured" not in str(error):
            raise


def _values(
    libvirt: Any,  # noqa: ANN401
    connection: Any,  # noqa: ANN401
    domain: Any,  # noqa: ANN401
    give_up_at: float,
) -> Mapping[str, Any]:
    """Return what is known of the last measurement. Raises LibvirtUnavailable after that time."""
    while time.monotonic() < give_up_at:
        values = _look(libvirt, connection, domain)
        if "dirtyrate.calc_status" in values:
            return values
        time.sleep(_POLL_SECONDS)
    raise LibvirtUnavailable("libvirt does not tell how the measurement goes")


def _look(libvirt: Any, connection: Any, domain: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """Return what libvirt tells at once: nothing while another question occupies the domain."""
    flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    stats = connection.domainListGetStats([domain], libvirt.VIR_DOMAIN_STATS_DIRTYRATE, flags)
    values: Mapping[str, Any] = stats[0][1] if stats else {}
    return values
