"""Does the guest stay in its rack?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.result import Result, no, yes


@fact(reads="destination.attributes.values", offline=True)
def rack(case: Case) -> Result:
    """Compare the racks.

    The same rack is YES, another one NO.

    Source: the agents' attributes.
    """
    return yes("the same rack") if _rack(case) == "r1" else no("another rack")


@reads("source.attributes.values")
def _rack(case: Case) -> str:
    return str(case.destination.attributes.values["site"]["rack"])
