"""Does the destination have the security driver that the guest's label asks for?"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from vmfit.v1.vm_pb2 import SecurityLabel
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.remedies import (
    change_definition,
)
from vmfit_comparator.evaluation.result import (
    Result,
    all_of,
    no,
    no_idea,
    yes,
)
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.connections import destination_connection


@subjects("security label")
@chooses("incoming.security_labels")
def labels(case: Case) -> Iterator[tuple[str, SecurityLabel]]:
    """Yield the labels that the definition asks for, by their models."""
    return ((each.model, each) for each in case.incoming.security_labels)


@fact(
    each=labels,
    needs="destination.hypervisor",
    reads="destination.hypervisor.connections.security_models",
)
def model(label: SecurityLabel, case: Case) -> Result | None:
    """Look the models of the guest's labels up among the destination's security drivers.

    A label for selinux or apparmor that the destination does not use is NO: libvirt finds no
    driver for it. Labels of models dac and none are always understood; a user or group of a
    fixed label of model dac that the destination does not have is NO.

    Source: virConnectGetCapabilities: host/secmodel; libvirt's virSecurityDACParseIds.
    """
    connection = destination_connection(case)
    if connection is None:
        missing = "destination.hypervisor.connections"
        return no_idea("the destination's libvirt is not known", missing=[missing])
    unknown = label.HasField("names_exist") and not label.names_exist
    found = [_without_user(label)] if label.type == "static" and unknown else []
    if label.model not in ("", "dac", "none") and label.type != "none":
        found.append(_driver(label, {each.model for each in connection.security_models}))
    return all_of(*found) if found else None


def _without_user(label: SecurityLabel) -> Result:
    remedy = change_definition(
        "Name a user and a group that the destination has (--xml)", "seclabel/label", ""
    )
    text = f"the destination does not have the user and the group of {label.label}"
    return no(text, remedies=[remedy])


def _driver(label: SecurityLabel, offered: AbstractSet[str]) -> Result:
    if label.model in offered:
        return yes(f"the destination confines guests with {label.model}")
    summary = f"Remove the {label.model} label from the definition sent (--xml)"
    return no(
        f"the destination has no {label.model} driver, but {', '.join(sorted(offered))}",
        remedies=[change_definition(summary, "seclabel", "")],
    )
