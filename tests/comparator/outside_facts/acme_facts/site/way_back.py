"""Could the guest come back?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Fact, fact
from vmfit_comparator.evaluation.result import Result, yes


@fact(way_back=("net.no_such_fact",))
def way_back(asked: tuple[Fact, ...], _: Case) -> Result:
    """Say YES.

    YES.

    Source: none.
    """
    return yes(f"{len(asked)} facts")
