"""Can the destination run the scripts that the guest's NICs name?"""

import shlex

from vmfit.v1.finding_pb2 import Answer, Remedy
from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no, probably_yes, yes
from vmfit_comparator.knowledge.device_paths import existing
from vmfit_comparator.knowledge.file_content import same_content
from vmfit_comparator.knowledge.nics import NicPair, nics

_EXECUTABLE = 0o111


@fact(each=nics, applies_if="incoming.nics.script")
def scripts(pair: NicPair, _: Case) -> Result | None:
    """Look at the scripts that libvirt runs for NICs of type ethernet before the guest comes.

    A script that is missing, or that nobody may execute, is NO; one that nobody looked for NO_IDEA.
    The same content as on the source, where it worked, is YES, another one PROBABLY_YES.

    Source: libvirt's virNetDevRunEthernetScript; stat(2) on the destination.
    """
    if pair.there.type != "ethernet" or not pair.there.script.path:
        return None
    here = pair.here.script if pair.here is not None else HostPath()
    there = pair.there.script
    found = existing(there, "incoming.nics.script")
    if found.answer != Answer.ANSWER_YES:
        return found
    if there.HasField("mode") and not there.mode & _EXECUTABLE:
        remedy = Remedy(
            summary=f"Make {there.path} executable", command=f"chmod +x {shlex.quote(there.path)}"
        )
        return no(f"{there.path} may not be executed on the destination", remedies=[remedy])
    if same_content(here, there):
        return yes(f"{there.path} is the same on both hosts")
    return probably_yes(f"{there.path} is there; it is not known to be the same script")
