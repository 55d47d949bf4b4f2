"""Is it another fact of this name?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no


@fact()
def bridge(_: Case) -> Result:
    """Say NO.

    NO.

    Source: none.
    """
    return no("this one was not to be asked")
