"""Leaves out the hosts that cannot take an instance."""

from collections.abc import Iterable

import nova.conf
from nova.objects.request_spec import RequestSpec
from nova.scheduler.filters import BaseHostFilter
from nova.scheduler.host_manager import HostState

from vmfit_nova.answered import answered
from vmfit_nova.options import registered
from vmfit_nova.questions import log_refused


class VmfitFilter(BaseHostFilter):
    """Lets a live migration only go to hosts that vmfit's policy accepts; other requests pass."""

    RUN_ON_REBUILD = False
    run_filter_once_per_request = True

    def filter_all(
        self, filter_obj_list: Iterable[HostState], spec_obj: RequestSpec
    ) -> list[HostState]:
        """Return the hosts that are left, in the same order."""
        hosts = list(filter_obj_list)
        known = answered(spec_obj, hosts)
        if known is None:
            return hosts
        unknown_passes = registered(nova.conf.CONF).fail_open
        refused = {}
        for name in {each.host for each in hosts}:
            answer = known.answers.get(name)
            if answer is None and not unknown_passes:
                refused[name] = "vmfit has no answer about it, and fail_open is off"
            elif answer is not None and not answer.acceptable:
                refused[name] = answer.summary
        log_refused(known.migration, refused)
        return [each for each in hosts if each.host not in refused]
