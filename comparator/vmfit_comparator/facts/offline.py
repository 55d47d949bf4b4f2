"""What an offline migration leaves out."""

from functools import wraps

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Check
from vmfit_comparator.evaluation.result import Result, not_applicable


def unless_offline(check: Check) -> Check:
    """Wrap a check of what only a running guest needs; --offline copies the definition alone."""

    @wraps(check)
    def checked(case: Case) -> Result:
        if case.options.offline:
            return not_applicable("an offline migration only defines the domain there")
        return check(case)

    return checked
