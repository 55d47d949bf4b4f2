"""The fact about the way back."""

from vmfit.v1.finding_pb2 import ANSWER_NO_IDEA, Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Fact, fact
from vmfit_comparator.evaluation.result import Result, no_idea, probably_yes, yes
from vmfit_comparator.facts import cpu, cpu_limits, cpu_passthrough, hv, machine, sw

# What stays as it is until somebody upgrades or reboots a host: no memory, no jobs.
_LASTING = (
    hv.domain_type,
    hv.architecture,
    machine.machine_type,
    sw.qemu_version,
    sw.libvirt_version,
    sw.known_regression,
    cpu.vendor,
    cpu.features,
    cpu_passthrough.mode_passthrough,
    cpu_limits.tsc_frequency,
)
_OPPOSITE = {"source": "destination", "destination": "source", "vm": "vm", "incoming": "vm"}


def _reversed_paths() -> tuple[str, ...]:
    paths = {
        path.text.replace(path.root, _OPPOSITE[path.root], 1)
        for each in _LASTING
        for path in (*each.reads, *each.also_reads)
        if path.root in _OPPOSITE
    }
    return tuple(sorted(paths))


@fact(
    "return.path",
    question="Could the guest come back afterwards?",
    also_reads=_reversed_paths(),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def path(case: Case) -> Result:
    """Ask the lasting facts (type, architecture, machine, versions, CPU) for the way back.

    All of them a yes is YES. A no is PROBABLY_YES with what speaks against the return: the
    migration is a one-way street. Unknown ones are NO_IDEA. It never decides.

    Source: the facts named, with source and destination exchanged.
    """
    back = case.way_back()
    against, unknown = [], []
    for each in _LASTING:
        outcome = _outcome(each, back)
        if outcome.answer < ANSWER_NO_IDEA:
            against.append(f"{each.id}: {outcome.reason}")
        elif outcome.answer == ANSWER_NO_IDEA:
            unknown.append(f"{each.id}: {outcome.reason}")
    if unknown and not against:
        return no_idea(f"the way back is not known: {'; '.join(unknown)}")
    if not against:
        return yes("nothing lasting speaks against the way back")
    return probably_yes(f"one way: {'; '.join(against)}", probability=0.9)


def _outcome(each: Fact, back: Case) -> Result:
    """Evaluate one fact without the evidence that a finding carries."""
    if each.applies_if and not any(path.values(back) for path in each.applies_if):
        return yes("does not apply")
    unset = [path for path in each.reads if path.values(back) is None]
    if unset:
        return no_idea(
            f"{', '.join(path.missing(back) or path.text for path in unset)} is not known"
        )
    return each.check(back)


FACTS = (path,)
