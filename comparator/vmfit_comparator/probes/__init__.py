"""Questions to both hosts' agents that no snapshot answers: planned, asked, and read."""

from vmfit_comparator.probes.permission import why_not_probed
from vmfit_comparator.probes.prober import Prober

__all__ = ["Prober", "why_not_probed"]
