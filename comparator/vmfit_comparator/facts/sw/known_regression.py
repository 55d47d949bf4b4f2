"""Is this pair of software versions free of known migration bugs?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, probably_no, yes
from vmfit_comparator.knowledge.regressions import matching_regressions


@fact(
    needs=(
        *("source.hypervisor", "destination.hypervisor"),
        *("source.kernel.release", "destination.kernel.release"),
    ),
)
def known_regression(case: Case) -> Result:
    """Look the versions up in the list of known migration bugs.

    No match is YES. A match is PROBABLY_NO with its reference: distributions may have
    ported the fix back. An entry may also ask for what the guest has and how it is migrated.

    Source: vmfit_comparator/knowledge/known_regressions.yaml.
    """
    found = matching_regressions(case)
    if not found:
        return yes("no known migration bug concerns these versions")
    text = "; ".join(f"{each.summary} ({', '.join(each.references)})" for each in found)
    return probably_no(
        text,
        probability=0.2,
        remedies=[upgrade(each.package, each.fixed_in) for each in found if each.fixed_in],
    )
