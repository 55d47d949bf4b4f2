"""Can this be loaded?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, yes


@fact(reads="destination.no_such_part")
def broken(_: Case) -> Result:
    """Say YES.

    YES.

    Source: none.
    """
    return yes("it was loaded")
