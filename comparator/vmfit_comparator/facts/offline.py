"""What an offline migration leaves out."""

from functools import wraps

from vmfit_comparator.evaluation.fact import Check
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import Outcome, not_applicable


def unless_offline(check: Check) -> Check:
    """Wrap a check of what only a running guest needs; --offline copies the definition alone."""

    @wraps(check)
    def checked(migration: Migration) -> Outcome:
        if migration.options.offline:
            return not_applicable("an offline migration only defines the domain there")
        return check(migration)

    return checked
