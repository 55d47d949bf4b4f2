"""What a host knows of an iSCSI target."""

from vmfit.v1.vm_pb2 import BlockIdentity
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.remedies import log_in, provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes

LOGGED_IN = "LOGGED_IN"


@reads("destination.iscsi")
def attachable(identity: BlockIdentity, gone: str, case: Case) -> Result:
    """Judge a disk whose device the destination lacks (`gone` says so), by its iSCSI target."""
    target = identity.iscsi_target_name
    destination = case.destination
    if not destination.HasField("iscsi"):
        return no_idea(f"{gone}, and its iSCSI state is not known", missing=["destination.iscsi"])
    if not destination.iscsi.HasField("initiator_name"):
        return no(f"{gone}, and the destination has no iSCSI initiator")
    states = [each.state for each in destination.iscsi.sessions if each.target_name == target]
    if LOGGED_IN in states:
        rescan = provide_storage(
            f"Rescan the session to {target} on the destination",
            identity.name,
            target,
            command="iscsiadm -m session --rescan",
        )
        return probably_no(
            f"{gone} although a session to {target} is up: LUN {identity.iscsi_lun} is not offered"
            " or was not scanned",
            remedies=[rescan],
        )
    return _login(target, f"{gone}: ", case)


@reads("destination.iscsi")
def session(target: str, case: Case) -> Result:
    """Judge whether the destination has, or can have, a session to a target."""
    iscsi = case.destination.iscsi
    if not iscsi.HasField("initiator_name"):
        return no(f"the destination has no iSCSI initiator to log in to {target}")
    states = [each.state for each in iscsi.sessions if each.target_name == target]
    if LOGGED_IN in states:
        return yes(f"a session to {target} is up")
    if states:
        return probably_no(
            f"the session to {target} is {states[0]}, not {LOGGED_IN}",
            probability=0.3,
            remedies=[log_in(target, "")],
        )
    return _login(target, "", case)


@reads("source.iscsi.sessions", "destination.iscsi")
def _login(target: str, prefix: str, case: Case) -> Result:
    """Judge a target without a session by node records and other sessions to its portals."""
    destination = case.destination.iscsi
    portals = [each.portal for each in case.source.iscsi.sessions if each.target_name == target]
    records = [each for each in destination.nodes if each.target_name == target]
    if records:
        return probably_yes(
            f"{prefix}the destination has a record of {target} at {records[0].portal}, no session",
            probability=0.8,
            remedies=[log_in(target, records[0].portal)],
        )
    used = {each.portal for each in destination.sessions}
    known = (used | {each.portal for each in destination.nodes}) & set(portals)
    if known:
        portal = min(known)
        return probably_yes(
            f"{prefix}the destination uses portal {portal} already, but not {target}",
            probability=0.7,
            remedies=[log_in(target, portal)],
        )
    return no_idea(
        f"{prefix}whether {destination.initiator_name} may log in to {target} is not known: "
        "no session, no record, no session to its portal",
        missing=["destination.iscsi.nodes"],
        remedies=[log_in(target, portals[0] if portals else "")],
    )
