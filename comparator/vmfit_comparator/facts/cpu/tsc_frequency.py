"""Can the destination keep the guest's TSC at its frequency?"""

from vmfit.v1.finding_pb2 import ChooseHost, Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    yes,
)

_TSC = "destination.cpu.tsc"


@fact(
    applies_if="vm.timers",
    needs="vm.timers",
    reads=(
        *(f"{_TSC}.frequency_hz", f"{_TSC}.scaling"),
        *("vm.domain_type", "policy.margins.tsc_tolerance_ppm"),
    ),
)
def tsc_frequency(case: Case) -> Result:
    """Compare the frequency that the definition fixes with the destination's own, as libvirt does.

    Without a fixed frequency there is nothing to keep. Within the policy's `tsc_tolerance_ppm` of
    the destination's frequency is YES, and any frequency with TSC scaling; NO without scaling;
    NO_IDEA when frequency or scaling are not known. An emulated TSC is YES then: libvirt compares
    only what it can probe.

    Source: libvirt docs/formatdomain.rst, timer tsc; qemuProcessStartValidateTSC.
    """
    wanted = next((t.frequency_hz for t in case.vm.timers if t.name == "tsc"), 0)
    if not wanted:
        return not_applicable("the definition fixes no TSC frequency")
    tsc = case.destination.cpu.tsc
    if not tsc.HasField("frequency_hz"):
        if case.vm.domain_type != "kvm":
            return yes("the TSC is emulated, libvirt compares no frequency it cannot probe")
        text = f"the guest needs a TSC of {wanted} Hz, the destination's is not known"
        return no_idea(text, missing=[f"{_TSC}.frequency_hz"])
    offered = tsc.frequency_hz
    apart_ppm = abs(offered - wanted) * 1e6 / max(offered, 1)
    seen = (
        f"the guest needs {wanted} Hz, the destination has {offered} Hz, {apart_ppm:.0f} ppm apart"
    )
    if apart_ppm <= case.policy.margins.tsc_tolerance_ppm:
        return yes(seen)
    if not tsc.HasField("scaling"):
        return no_idea(f"{seen}; nobody knows if it can scale", missing=[f"{_TSC}.scaling"])
    if tsc.scaling:
        return yes(f"{seen}; it scales the guest's TSC")
    remedy = Remedy(
        summary="Choose a host with that TSC frequency or with TSC scaling",
        choose_host=ChooseHost(why=seen),
    )
    return no(f"{seen}, and it cannot scale", remedies=[remedy])
