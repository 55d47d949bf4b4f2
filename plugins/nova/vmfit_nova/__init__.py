"""A filter and a weigher for nova's scheduler, which ask a vmfit comparator.

[filter_scheduler]
available_filters = nova.scheduler.filters.all_filters
available_filters = vmfit_nova.VmfitFilter
enabled_filters = ..., VmfitFilter
weight_classes = nova.scheduler.weights.all_weighers, vmfit_nova.VmfitWeigher

[vmfit]
server = comparator.example.com
"""

from vmfit_nova.destination_filter import VmfitFilter
from vmfit_nova.destination_weigher import VmfitWeigher

__all__ = ["VmfitFilter", "VmfitWeigher"]
