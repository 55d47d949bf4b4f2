"""Facts about secrets, confinement and encrypted guests."""

from vmfit.v1.hypervisor_pb2 import Secret
from vmfit.v1.vm_pb2 import SecretUse
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import (
    add_option,
    change_definition,
    define_secret,
)
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_yes,
    yes,
)
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined


@fact(
    "sec.secrets",
    question="Does the destination's libvirt have the secrets that the guest needs?",
    applies_if=("incoming.secrets",),
    reads=("incoming.secrets", "destination.libvirt_objects.secrets"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "destination.hypervisor.connections",
    ),
)
@unless_offline
def secrets(case: Case) -> Result:
    """Look every secret up by UUID or usage on the destination.

    Missing is NO, defined without a value as well. Else it is PROBABLY_YES: whether the values are
    equal is never looked at, nor always whether there is one.

    Source: virConnectListAllSecrets.
    """
    connection = connection_for(case.vm, case.destination)
    known = [
        each
        for each in case.destination.libvirt_objects.secrets
        if connection is None or each.uri == connection.uri
    ]
    return joined(
        {
            f"{use.user or use.type} {use.uuid or use.usage}".strip(): _secret(use, known)
            for use in case.incoming.secrets
        },
        "does not apply: the guest needs no secret",
    )


def _secret(use: SecretUse, known: list[Secret]) -> Result:
    for each in known:
        if (use.uuid and each.uuid == use.uuid) or (not use.uuid and each.usage_id == use.usage):
            if not each.HasField("value_set"):
                return probably_yes("it is defined; whether it has a value is not known")
            if each.value_set:
                text = "it is defined and has a value, which was not compared"
                return probably_yes(text, probability=0.97)
            return no(
                "it is defined there without a value",
                remedies=[define_secret(each.uuid, each.usage_id, set_value=True)],
            )
    return no(
        "it is not defined on the destination",
        remedies=[define_secret(use.uuid, use.usage, set_value=False)],
    )


@fact(
    "sec.model",
    question="Does the destination have the security driver that the guest's label asks for?",
    applies_if=("incoming.security_labels",),
    reads=("incoming.security_labels", "destination.hypervisor.connections"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
    ),
)
@unless_offline
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


@fact(
    "sec.launch_security",
    question="Can the guest's encrypted memory migrate?",
    applies_if=("vm.launch_security",),
    reads=("vm.launch_security",),
)
@unless_offline
def launch_security(case: Case) -> Result:
    """Refuse guests whose memory the host cannot read.

    SEV, SEV-SNP, TDX and protected s390 guests cannot migrate while they run: NO. Shut down and
    started on the destination they can move.

    Source: QEMU's migration blockers.
    """
    remedy = add_option("--offline --persistent", "once the guest is shut down it can start there")
    text = f"QEMU does not migrate guests with {case.vm.launch_security.type}"
    return no(text, remedies=[remedy])


FACTS = (secrets, model, launch_security)
