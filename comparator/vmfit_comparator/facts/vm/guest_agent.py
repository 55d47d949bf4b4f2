"""Does the guest's agent answer?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    not_applicable,
    probably_yes,
    yes,
)

_AGENT = "org.qemu.guest_agent.0"


@fact(
    applies_if=("vm.character_devices",),
    needs=("vm.character_devices",),
    reads=("vm.guest_agent_connected",),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def guest_agent(case: Case) -> Result:
    """See whether the agent's channel is connected in the guest.

    Connected is YES. Not connected, or unknown, is PROBABLY_YES: the migration does without, but
    nobody sets the guest's clock afterwards or freezes its file systems. Without such a channel
    the question does not arise.

    Source: channel/target/@state of org.qemu.guest_agent.0; virsh domtime --sync.
    """
    if not any(each.target_name == _AGENT for each in case.vm.character_devices):
        return not_applicable("the guest has no channel for an agent")
    if case.vm.guest_agent_connected:
        return yes("the agent is connected")
    if not case.vm.HasField("guest_agent_connected"):
        return probably_yes("whether the agent is connected is not known")
    return probably_yes("no agent answers: time and file systems are left alone")
