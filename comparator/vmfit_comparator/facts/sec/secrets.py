"""Does the destination's libvirt have the secrets that the guest needs?"""

from collections.abc import Iterator

from vmfit.v1.hypervisor_pb2 import Secret
from vmfit.v1.vm_pb2 import SecretUse
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.remedies import (
    define_secret,
)
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    probably_yes,
)
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.connections import destination_connection


@subjects("secret")
@chooses("incoming.secrets")
def uses(case: Case) -> Iterator[tuple[str, SecretUse]]:
    """Yield what the guest needs secrets for: "disk vda UUID"."""
    for use in case.incoming.secrets:
        yield f"{use.user or use.type} {use.uuid or use.usage}".strip(), use


@fact(each=uses, needs="destination.libvirt_objects.secrets")
def secrets(use: SecretUse, case: Case) -> Result:
    """Look every secret up by UUID or usage on the destination.

    Missing is NO, defined without a value as well. Else it is PROBABLY_YES: whether the values are
    equal is never looked at, nor always whether there is one.

    Source: virConnectListAllSecrets.
    """
    connection = destination_connection(case)
    known = [
        each
        for each in case.destination.libvirt_objects.secrets
        if connection is None or each.uri == connection.uri
    ]
    return _secret(use, known)


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
