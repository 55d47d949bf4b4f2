"""Does the destination take guests?"""

from vmfit.v1.finding_pb2 import (
    ChooseHost,
    Remedy,
)
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, yes


@fact(
    applies_if=("destination.attributes.values",),
    needs=("destination.attributes.values",),
    offline=True,
)
def schedulable(case: Case) -> Result:
    """Heed what the operators say of the host in its `schedulable` attribute.

    The attribute file schedulable.json: {"state": "enabled"|"draining"|"maintenance", "reason":
    "..."}. enabled, or no such file, is YES; draining PROBABLY_NO; maintenance NO; anything else
    NO_IDEA.

    Source: /etc/vmfit/attributes.d/schedulable.json.
    """
    attribute = case.destination.attributes.values
    if "schedulable" not in attribute:
        return yes("no operator says otherwise")
    fields = attribute["schedulable"].fields
    state = fields["state"].string_value if "state" in fields else ""
    why = fields["reason"].string_value if "reason" in fields else ""
    text = f"the operators say {state or 'nothing'}" + (f": {why}" if why else "")
    remedy = Remedy(
        summary="Choose another host, or end the maintenance", choose_host=ChooseHost(why=text)
    )
    if state == "enabled":
        return yes(text)
    if state == "draining":
        return probably_no(text, remedies=[remedy])
    if state == "maintenance":
        return no(text, remedies=[remedy])
    return no_idea(f"schedulable.json has the state {state!r}, which means nothing here")
