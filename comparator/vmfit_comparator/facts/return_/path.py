"""Could the guest come back afterwards?"""

from vmfit.v1.finding_pb2 import ANSWER_NO_IDEA, Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import results
from vmfit_comparator.evaluation.fact import Fact, fact
from vmfit_comparator.evaluation.result import Result, no_idea, probably_yes, yes

# What stays as it is until somebody upgrades or reboots a host: no memory, no jobs.
_LASTING = (
    *("hv.type", "hv.arch", "machine.type", "sw.qemu_version", "sw.libvirt_version"),
    *("sw.known_regression", "cpu.vendor", "cpu.features", "cpu.mode_passthrough"),
    "cpu.tsc_frequency",
)


@fact(way_back=_LASTING, offline=True, consequence=Consequence.CONSEQUENCE_ADVISORY)
def path(lasting: tuple[Fact, ...], case: Case) -> Result:
    """Ask the lasting facts (type, architecture, machine, versions, CPU) for the way back.

    All of them a yes is YES. A no is PROBABLY_YES with what speaks against the return: the
    migration is a one-way street. Unknown ones are NO_IDEA. It never decides.

    Source: the facts named, with source and destination exchanged.
    """
    against, unknown = [], []
    for name, result in results(lasting, case.way_back()).items():
        if result.answer < ANSWER_NO_IDEA:
            against.append(f"{name}: {result.reason}")
        elif result.answer == ANSWER_NO_IDEA:
            unknown.append(f"{name}: {result.reason}")
    if unknown and not against:
        return no_idea(f"the way back is not known: {'; '.join(unknown)}")
    if not against:
        return yes("nothing lasting speaks against the way back")
    return probably_yes(f"one way: {'; '.join(against)}", probability=0.9)
