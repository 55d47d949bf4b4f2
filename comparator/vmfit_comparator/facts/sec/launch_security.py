"""Can the guest's encrypted memory migrate?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import (
    add_option,
)
from vmfit_comparator.evaluation.result import (
    Result,
    no,
)


@fact(applies_if=("vm.launch_security",), needs=("vm.launch_security",))
def launch_security(case: Case) -> Result:
    """Refuse guests whose memory the host cannot read.

    SEV, SEV-SNP, TDX and protected s390 guests cannot migrate while they run: NO. Shut down and
    started on the destination they can move.

    Source: QEMU's migration blockers.
    """
    remedy = add_option("--offline --persistent", "once the guest is shut down it can start there")
    text = f"QEMU does not migrate guests with {case.vm.launch_security.type}"
    return no(text, remedies=[remedy])
