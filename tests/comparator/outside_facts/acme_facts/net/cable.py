"""Do NICs come out at the same cable?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, yes
from vmfit_comparator.knowledge.nics import NicPair, nics


@fact(each=nics)
def cable(pair: NicPair, _: Case) -> Result | None:
    """Look at the NIC.

    A NIC is YES.

    Source: nothing.
    """
    return yes("a NIC") if pair.there.type else None
