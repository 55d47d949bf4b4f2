"""Does the destination have the security driver that the guest's label asks for?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import (
    change_definition,
)
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    yes,
)
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined


@fact(
    applies_if=("incoming.security_labels",),
    needs=("incoming.security_labels", "destination.hypervisor.connections"),
    reads=(
        "vm.domain_type",
        "vm.connection_uri",
    ),
)
def model(case: Case) -> Result:
    """Look the models of the guest's labels up among the destination's security drivers.

    A label for selinux or apparmor that the destination does not use is NO: libvirt finds no
    driver for it. Labels of models dac and none are always understood; a user or group of a
    fixed label of model dac that the destination does not have is NO.

    Source: virConnectGetCapabilities: host/secmodel; libvirt's virSecurityDACParseIds.
    """
    connection = connection_for(case.vm, case.destination)
    if connection is None:
        return no_idea(
            "the destination's libvirt is not known", missing=["destination.hypervisor.connections"]
        )
    offered = {each.model for each in connection.security_models}
    outcomes = {}
    for label in case.incoming.security_labels:
        if label.type == "static" and label.HasField("names_exist") and not label.names_exist:
            remedy = change_definition(
                "Name a user and a group that the destination has (--xml)", "seclabel/label", ""
            )
            text = f"the destination does not have the user and the group of {label.label}"
            outcomes[label.model] = no(text, remedies=[remedy])
        if label.model in ("", "dac", "none") or label.type == "none":
            continue
        remedy = change_definition(
            f"Remove the {label.model} label from the definition sent (--xml)", "seclabel", ""
        )
        outcomes[label.model] = (
            yes(f"the destination confines guests with {label.model}")
            if label.model in offered
            else no(
                f"the destination has no {label.model} driver, but {', '.join(offered)}",
                remedies=[remedy],
            )
        )
    return joined(outcomes, "does not apply: no label asks for a driver")
