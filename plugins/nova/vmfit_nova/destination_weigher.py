"""Prefers the hosts with the least to be said against them."""

from collections.abc import Sequence

import nova.conf
from nova.objects.request_spec import RequestSpec
from nova.scheduler.host_manager import HostState
from nova.scheduler.weights import BaseHostWeigher, WeighedHost

from vmfit_nova.answered import answered
from vmfit_nova.options import registered


class VmfitWeigher(BaseHostWeigher):
    """Weighs hosts of a live migration by vmfit's score, 0 to 1; all others alike."""

    minval = 0.0
    maxval = 1.0

    def weight_multiplier(self, host_state: HostState) -> float:  # noqa: ARG002 -- of nova
        """Return what nova.conf says."""
        return float(registered(nova.conf.CONF).weight_multiplier)

    def weigh_objects(
        self, weighed_obj_list: Sequence[WeighedHost], weight_properties: RequestSpec
    ) -> list[float]:
        """Return a score for each host, in order; 0 where there is no answer."""
        hosts = [each.obj for each in weighed_obj_list]
        known = answered(weight_properties, hosts)
        if known is None:
            return [0.0] * len(hosts)
        found = known.answers
        return [found[each.host].score if each.host in found else 0.0 for each in hosts]

    def _weigh_object(self, obj: HostState, weight_properties: RequestSpec) -> float:
        return self.weigh_objects([WeighedHost(obj, 0.0)], weight_properties)[0]
