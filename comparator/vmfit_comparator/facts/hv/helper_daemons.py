"""Do the daemons run that the destination's libvirt needs for logs and locks?"""

from vmfit.v1.finding_pb2 import Remedy, RestartService
from vmfit_comparator.evaluation.applicability import QEMU
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    joined,
    no,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.connections import runs_in_session


@fact(
    hypervisors=QEMU,
    needs=("vm.domain_type", "destination.security"),
    reads=("destination.security.qemu_conf", "destination.security.helper_sockets"),
)
def helper_daemons(case: Case) -> Result:
    """Look for the sockets of virtlogd and virtlockd, as far as qemu.conf asks for these.

    stdio_handler "logd" without virtlogd's socket is NO, PROBABLY_NO where that is merely the
    default; lock_manager "lockd" without virtlockd's NO. Sockets that nobody looked for are
    PROBABLY_YES, else YES. A session driver starts them itself.

    Source: qemu.conf, stdio_handler and lock_manager; qemuLogContextNew.
    """
    if runs_in_session(case):
        return not_applicable("does not apply: a session driver starts them itself")
    security = case.destination.security
    handler = security.qemu_conf.get("stdio_handler", "")
    lockd = security.qemu_conf.get("lock_manager", "") == "lockd"
    if handler == "file" and not lockd:
        return yes("libvirt needs neither virtlogd nor virtlockd there")
    if not security.HasField("helper_sockets"):
        return probably_yes("whether virtlogd runs there is not known", probability=0.97)
    sockets, outcomes = security.helper_sockets, {}
    if handler != "file":
        outcomes["virtlogd"] = _called("virtlogd", there=sockets.log, certain=handler == "logd")
    if lockd:
        outcomes["virtlockd"] = _called("virtlockd", there=sockets.lock, certain=True)
    return joined(outcomes)


def _called(name: str, *, there: bool, certain: bool) -> Result:
    if there:
        return yes("its socket is there")
    remedy = Remedy(
        summary=f"Start {name} on the destination",
        command=f"systemctl start {name}.socket",
        restart_service=RestartService(name=name),
    )
    text = f"the destination's libvirt needs it, and there is no /run/libvirt/{name}-sock"
    return no(text, remedies=[remedy]) if certain else probably_no(text, remedies=[remedy])
