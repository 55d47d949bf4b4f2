"""What a migration that ended cost: libvirt's statistics of the completed job."""

from collections.abc import Mapping

from lab import Host


def completed_job(host: Host, name: str) -> dict[str, float]:
    """Return what the destination's libvirt tells of a guest's arrival; empty if it tells nothing.

    total_seconds: from the start of the job; downtime_seconds: while the guest ran nowhere;
    sent_bytes: memory and disks; pages of zeros count with the bytes that tell of them.
    Source: virDomainGetJobStats, VIR_DOMAIN_JOB_STATS_COMPLETED.
    """
    told = host.run(f"virsh -q domjobinfo {name} --completed --rawstats", check=False).stdout
    pairs = (line.split(":", 1) for line in told.splitlines() if ":" in line)
    stats = {name.strip(): value.strip() for name, value in pairs}
    return _measured(stats) if "time_elapsed" in stats else {}


def _measured(stats: Mapping[str, str]) -> dict[str, float]:
    measured: dict[str, float] = {"total_seconds": int(stats["time_elapsed"]) / 1000}
    if "downtime" in stats:
        measured["downtime_seconds"] = int(stats["downtime"]) / 1000
    if "data_processed" in stats:
        measured["sent_bytes"] = int(stats["data_processed"])
    return measured
