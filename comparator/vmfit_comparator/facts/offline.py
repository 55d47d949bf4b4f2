"""What an offline migration leaves out."""

from functools import wraps

from vmfit_comparator.fact import Check
from vmfit_comparator.migration import Migration
from vmfit_comparator.outcome import Outcome, not_applicable


def unless_offline(check: Check) -> Check:
    """Wrap a check of what a running guest needs: `virsh migrate --offline` only copies the definition."""

    @wraps(check)
    def checked(migration: Migration) -> Outcome:
        if migration.options.offline:
            return not_applicable("an offline migration only defines the domain there")
        return check(migration)

    return checked
