"""Is the VM in a state that can be migrated like this?"""

from vmfit.v1.finding_pb2 import QUALITY_REDUCED
from vmfit.v1.vm_pb2 import (
    VM_STATE_BLOCKED,
    VM_STATE_CRASHED,
    VM_STATE_PAUSED,
    VM_STATE_RUNNING,
    VM_STATE_SHUT_OFF,
    VM_STATE_SHUTDOWN,
    VM_STATE_SUSPENDED,
    VmState,
)
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.enum_names import names_of_values
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import add_option, drop_option
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes

_NAMES = names_of_values(VmState.DESCRIPTOR)


_MOVABLE = frozenset((VM_STATE_RUNNING, VM_STATE_BLOCKED, VM_STATE_PAUSED))


@fact(
    applies_if=("vm.state",),
    needs=("vm.state",),
    reads=(
        "vm.state_reason",
        "options.offline",
        "options.persistent",
        "options.abort_on_error",
    ),
    offline=True,
)
def state(case: Case) -> Result:
    """Compare the VM's state with the kind of migration.

    Running or paused is YES; with an I/O error pending NO under --abort-on-error, else
    PROBABLY_YES: the guest arrives paused. Suspended by its guest is PROBABLY_YES, it wakes up
    there. Shutting down is PROBABLY_NO, crashed NO. Shut off is NO, except for --offline with
    --persistent.

    Source: virDomainGetState; libvirt qemuMigrationSrcIsAllowed, docs/migration.rst.
    """
    now, why = case.vm.state, case.vm.state_reason
    name = _NAMES.get(now, "in a state that is not known").lower().replace("_", " ")
    text = f"the VM is {name}" + (f" ({why})" if why else "")
    if now == VM_STATE_SHUT_OFF:
        return _shut_off(case, text)
    if now in _MOVABLE:
        if now != VM_STATE_PAUSED or why != "ioerror":
            return yes(text)
        if case.options.abort_on_error:
            option = drop_option("--abort-on-error", "it forbids to move a guest with an I/O error")
            return no(text, remedies=[option])
        return probably_yes(f"{text}; it arrives paused", quality=QUALITY_REDUCED)
    if now == VM_STATE_SUSPENDED:
        return probably_yes(f"{text}; it wakes up there", quality=QUALITY_REDUCED)
    if now == VM_STATE_SHUTDOWN:
        return probably_no(f"{text}, it will be gone soon")
    if now == VM_STATE_CRASHED:
        return no(text)
    return no_idea(text, missing=["vm.state"])


def _shut_off(case: Case, text: str) -> Result:
    options = case.options
    if not options.offline:
        option = add_option("--offline --persistent", "it copies the definition of a VM shut off")
        return no(f"{text}: there is nothing to migrate live", remedies=[option])
    if not options.persistent:
        option = add_option("--persistent", "an offline migration must define the VM there")
        return no(f"{text}: --offline needs --persistent", remedies=[option])
    return yes(f"{text}, its definition is copied")
