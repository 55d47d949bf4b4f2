"""A source that follows this host's events, and collects every part once before it is asked."""

import threading
from collections.abc import Callable

from vmfit_agent.events import follow_kernel
from vmfit_agent.host import Host
from vmfit_agent.local_host import local_source
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_agent.process_memory import settle
from vmfit_agent.sources.in_process import InProcess
from vmfit_agent.virtualization.libvirt_events import follow_libvirt
from vmfit_contract.parts import PART_NAMES


def live_source(host: Host, probing: ProbeSettings) -> InProcess:
    """Return a source that follows the host's events, for callers that may ask without pause."""
    source = local_source(host, probing)
    source.spare_host()
    if host.is_live:
        follow_kernel(source.invalidate)
        follow_libvirt(host.libvirt.uris, source.invalidate)
    return source


def collect_first(source: InProcess, then: Callable[[], object]) -> None:
    """Collect every part, in a thread of its own, and do then what waits for that."""

    def begin() -> None:
        source.collect(PART_NAMES, None)
        settle()
        then()

    threading.Thread(target=begin, name="first-collection", daemon=True).start()
