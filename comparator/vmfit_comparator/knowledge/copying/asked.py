"""What the options ask of the copy."""

import math
from dataclasses import dataclass

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import chooses, reads
from vmfit_comparator.knowledge.copying.rounds import Manner

# What libvirt and QEMU do where nobody tells them.
_DOWNTIME_SECONDS = 0.3
_CONNECTIONS = 2
_SLOW_FIRST_PERCENT, _SLOW_MORE_PERCENT = 20, 10


@dataclass(frozen=True, slots=True)
class Asked:
    """How it is to be copied."""

    limit_bytes: int
    """What may be sent in a second; 0 for no limit."""
    own_limit_bytes: int
    """What remains of that without --bandwidth."""
    connections: int
    """1 without --parallel."""
    encrypted: bool
    xbzrle: bool
    live: bool
    post_copy: bool
    timeout_seconds: int
    """0 without --timeout."""
    timeout_post_copy: bool
    slow_first_percent: int
    """0 without --auto-converge."""
    slow_more_percent: int

    def manner(self, downtime: float | None, before: float, *, runs: bool) -> Manner:
        """Return how it is copied, `before` seconds after `virsh migrate` started."""
        allowed = downtime if downtime and 0 < downtime < math.inf else _DOWNTIME_SECONDS
        timeout = self.timeout_seconds
        return Manner(
            downtime_seconds=allowed,
            stands_still=not (runs and self.live),
            post_copy=self.post_copy,
            timeout_seconds=max(timeout - before, 0) if timeout else None,
            timeout_post_copy=self.timeout_post_copy,
            slow_first_percent=self.slow_first_percent or None,
            slow_more_percent=self.slow_more_percent,
        )


@chooses("options")
@reads("options.bandwidth_bytes_per_second", "vm.migration_limit_bytes_per_second")
def asked(case: Case) -> Asked:
    """Return what the case's options ask for; an encrypted way is TLS or libvirt's tunnel."""
    options = case.options
    own = case.vm.migration_limit_bytes_per_second
    first = options.auto_converge_initial_percent or _SLOW_FIRST_PERCENT
    methods = options.compression_methods
    return Asked(
        limit_bytes=options.bandwidth_bytes_per_second or own,
        own_limit_bytes=own,
        connections=(options.parallel_connections or _CONNECTIONS) if options.parallel else 1,
        encrypted=options.tls or options.tunnelled,
        xbzrle=options.compressed and (not methods or "xbzrle" in methods),
        # Where nothing is said of how it migrates, it is as live as people mean it.
        live=options.live or not options.ByteSize(),
        post_copy=options.post_copy and options.post_copy_after_precopy,
        timeout_seconds=options.timeout_seconds,
        timeout_post_copy=options.timeout_action == "postcopy",
        slow_first_percent=first if options.auto_converge else 0,
        slow_more_percent=options.auto_converge_increment_percent or _SLOW_MORE_PERCENT,
    )
