"""Does the destination's libvirt have the secrets that the guest needs?"""

from vmfit.v1.hypervisor_pb2 import Secret
from vmfit.v1.vm_pb2 import SecretUse
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import (
    define_secret,
)
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    probably_yes,
)
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined


@fact(
    applies_if=("incoming.secrets",),
    needs=("incoming.secrets", "destination.libvirt_objects.secrets"),
    reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "destination.hypervisor.connections",
    ),
)
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
