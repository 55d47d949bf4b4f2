"""How fast does a running domain write to its memory?"""

from vmfit.v1.probe_pb2 import DirtyRateAnswer, MeasureDirtyRate
from vmfit_agent.host import LibvirtUnavailable
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable


def measure_dirty_rate(question: MeasureDirtyRate, terms: Terms) -> DirtyRateAnswer:
    """Let QEMU compare 512 pages of each GiB at the beginning and the end of the period.

    It reads them twice, 2 MiB of each GiB, in a thread of its own; the guest goes on meanwhile and
    takes no page faults. Raises Unanswerable when no libvirt of this host measures it in the time.
    Source: virDomainStartDirtyRateCalc; QEMU calc-dirty-rate, mode page-sampling.
    """
    reasons = []
    for uri in terms.host.libvirt.uris:
        try:
            found = terms.host.libvirt.connect(uri).dirty_rate(
                question.uuid, question.period_seconds, terms.left()
            )
        except LibvirtUnavailable as error:
            reasons.append(str(error))
            continue
        if found is not None:
            return DirtyRateAnswer(
                bytes_per_second=found.bytes_per_second,
                period_seconds=found.period_seconds,
                maximum_downtime_seconds=found.maximum_downtime_seconds,
            )
    raise Unanswerable("; ".join(reasons) or f"no domain {question.uuid} is here")
