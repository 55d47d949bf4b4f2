"""Has the destination a NUMA node for each of the guest's?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    probably_no,
    yes,
)


@fact(
    applies_if=("vm.numa.cells",),
    needs=("vm.numa.cells", "destination.numa.nodes"),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def topology(case: Case) -> Result:
    """Count the NUMA nodes that have CPUs and memory.

    As many as the guest's or more is YES; fewer PROBABLY_NO. It does not decide: such a guest runs,
    its idea of near and far memory is wrong. A binding to a missing node is judged by
    numa.node_memory.

    Source: /sys/devices/system/node; libvirt docs/formatdomain.rst, cpu/numa.
    """
    cells = len(case.vm.numa.cells)
    nodes = [node for node in case.destination.numa.nodes if node.cpu_ids]
    text = f"the guest has {cells} NUMA nodes, the destination {len(nodes)} with CPUs"
    if len(nodes) >= cells:
        return yes(text)
    return probably_no(text)
