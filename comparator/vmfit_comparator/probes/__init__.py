"""Questions to both hosts' agents that no snapshot answers: planned, asked, and read."""

from vmfit_comparator.probes.permission import want_dirty_rate, why_not_probed
from vmfit_comparator.probes.prober import Prober

__all__ = ["Prober", "want_dirty_rate", "why_not_probed"]
