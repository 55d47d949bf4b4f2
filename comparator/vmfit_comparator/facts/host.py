"""Facts about the hosts as such: do they answer, are they two, may guests come?"""

from urllib.parse import urlsplit

from vmfit.v1.finding_pb2 import (
    ChooseHost,
    Remedy,
    RestartService,
)
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.connections import connection_errors, connection_for
from vmfit_comparator.knowledge.host_addresses import own_names

# What libvirt and the kernel say when no daemon listens, in contrast to "may not ask".
_NO_DAEMON = (
    "connection refused", "no such file", "cannot recv data", "failed to start daemon",
    "no socket of a daemon",
)  # fmt: skip
# What the agent says of a daemon that takes calls and never answers them.
_HUNG = "libvirt does not answer"
# What decides which connection would run the VM.
_VM = ("vm.domain_type", "vm.connection_uri")


@fact("host.reachable", question="Do both hosts' agents answer, and lately enough?")
def reachable(case: Case) -> Result:
    """Ask whether both agents answered, and how old their answers are.

    YES when both answers are as fresh as the policy wants volatile fields; PROBABLY_YES when one
    is older; NO_IDEA beyond the policy's bound. An agent that does not answer is PROBABLY_NO:
    mostly its host is down, sometimes only the agent is.

    Source: the agents' answers; policy freshness.volatile_fields.
    """
    silent = {"source": case.ages.source_error, "destination": case.ages.destination_error}
    if any(silent.values()):
        sides = "; ".join(f"the {side}'s agent: {why}" for side, why in silent.items() if why)
        remedy = Remedy(
            summary="Start vmfit-agent there, or check the network to it",
            restart_service=RestartService(name="vmfit-agent"),
        )
        return probably_no(sides, remedies=[remedy])
    bound = case.policy.freshness.volatile_fields
    ages = {
        "source": case.ages.source_seconds,
        "destination": case.ages.destination_seconds,
    }
    side = max(ages, key=lambda name: ages[name])
    seen = f"the older snapshot, the {side}'s, is {ages[side]:.0f} s old"
    if ages[side] <= bound.fresh_seconds:
        return yes(seen)
    if ages[side] <= bound.stale_seconds:
        return probably_yes(seen)
    return no_idea(seen, missing=[f"{side}.taken_at"])


@fact(
    "host.same_machine",
    question="Are source and destination two hosts to libvirt?",
    reads=("source.identity", "destination.identity"),
    also_reads=(
        "source.hypervisor.connections",
        "destination.hypervisor.connections",
        "source.network.interfaces",
        "destination.network.interfaces",
        "options.destination_uri",
        "options.peer_to_peer",
        *_VM,
    ),
)
def same_machine(case: Case) -> Result:
    """Compare the UUIDs by which libvirt tells hosts apart.

    The same libvirt host UUID is NO: libvirt refuses it, also for clones. Without both of them the
    same firmware UUID, from which libvirt takes its own, is PROBABLY_NO; nothing to compare is
    NO_IDEA. A machine id or boot id in common (clones, containers) does not matter.
    A destination URI with a name or an address of the source alone is NO. One without a host leads
    to where it is opened: NO with --p2p, else PROBABLY_NO, as the client mostly runs on the source.

    Source: virConnectGetCapabilities: host/uuid; libvirtd.conf, host_uuid; connection URIs.
    """
    back = _leads_back(case)
    if back is not None:
        return back
    source, destination = _host_uuid(case, "source"), _host_uuid(case, "destination")
    if source and destination:
        if source != destination:
            return yes(f"libvirt's host UUIDs are {source} and {destination}")
        return no(f"both hosts have the libvirt host UUID {source}", remedies=[_OWN_UUID])
    before = case.source.identity.product_uuid
    after = case.destination.identity.product_uuid
    if not before or not after:
        side = "destination" if source else "source"
        missing = f"{side}.identity.libvirt_host_uuid"
        return no_idea(f"the {side}'s host UUID is not known", missing=[missing])
    if before == after:
        return probably_no(f"both hosts have the firmware UUID {before}", remedies=[_OWN_UUID])
    return probably_yes(f"the firmware UUIDs are {before} and {after}", probability=0.99)


_OWN_UUID = Remedy(
    summary="Give each host its own host_uuid in libvirtd.conf, or choose another destination",
    choose_host=ChooseHost(why="source and destination are the same host to libvirt"),
)


def _leads_back(case: Case) -> Result | None:
    """Return what speaks against the destination URI: it leads to the source."""
    uri = case.options.destination_uri
    remedy = Remedy(
        summary="Name the destination in the destination URI",
        choose_host=ChooseHost(why=f"{uri} is not the destination's libvirt"),
    )
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return None
    if not parts.scheme or (not host and parts.query):
        return None
    if not host:
        text = f"{uri} leads to the libvirt of the host where it is opened"
        if case.options.peer_to_peer:
            return no(f"{text}, the source", remedies=[remedy])
        return probably_no(f"{text}, mostly the source", probability=0.05, remedies=[remedy])
    sides = [
        own_names(snapshot, connection_for(case.vm, snapshot))
        for snapshot in (case.source, case.destination)
    ]
    if host in sides[0] - sides[1]:
        return no(f"{uri} leads to the source itself", remedies=[remedy])
    return None


def _host_uuid(case: Case, side: str) -> str:
    snapshot: Snapshot = getattr(case, side)
    connection = connection_for(case.vm, snapshot)
    from_connection = connection.host_uuid if connection is not None else ""
    return (from_connection or snapshot.identity.libvirt_host_uuid).lower()


@fact(
    "host.libvirt",
    question="Does the destination's libvirt answer?",
    also_reads=("destination.hypervisor.connections", "destination.parts", *_VM),
)
def libvirt(case: Case) -> Result:
    """Ask whether the agent could talk to the libvirt that would run the VM there.

    YES when a connection answered; NO when no daemon listens (refused, no socket). One that hangs,
    or has as many clients as it takes, is PROBABLY_NO. An agent that may not ask, or that has no
    libvirt bindings, proves nothing: NO_IDEA with its error.

    Source: virConnectOpen.
    """
    destination = case.destination
    connection = connection_for(case.vm, destination)
    if connection is not None:
        return yes(f"{connection.uri} answers")
    errors = connection_errors(destination)
    if not destination.HasField("hypervisor"):
        status = next((each for each in destination.parts if each.name == "hypervisor"), None)
        if status is None or not status.error:
            return no_idea("nothing is known of libvirt", missing=["destination.hypervisor"])
        errors = {"libvirt": status.error}
    if not errors:
        return yes("libvirt answers")
    text = "; ".join(f"{uri}: {error}" for uri, error in errors.items())
    if all(any(word in error.lower() for word in _NO_DAEMON) for error in errors.values()):
        remedy = Remedy(
            summary="Start the destination's libvirt daemon (virtqemud or libvirtd)",
            command="systemctl start virtqemud.socket",
            restart_service=RestartService(name="virtqemud"),
        )
        return no(text, remedies=[remedy])
    if all(_HUNG in error for error in errors.values()):
        remedy = Remedy(
            summary="Restart the destination's libvirt daemon; guests go on",
            restart_service=RestartService(name="virtqemud"),
        )
        return probably_no(text, probability=0.2, remedies=[remedy])
    return no_idea(text, missing=["destination.hypervisor.connections"])


@fact(
    "host.schedulable",
    question="Does the destination take guests?",
    applies_if=("destination.attributes.values",),
    reads=("destination.attributes.values",),
)
def schedulable(case: Case) -> Result:
    """Heed what the operators say of the host in its `schedulable` attribute.

    The attribute file schedulable.json: {"state": "enabled"|"draining"|"maintenance", "reason":
    "..."}. enabled, or no such file, is YES; draining PROBABLY_NO; maintenance NO; anything else
    NO_IDEA.

    Source: /etc/vmfit/attributes.d/schedulable.json.
    """
    attribute = case.destination.attributes.values
    if "schedulable" not in attribute:
        return yes("no operator says otherwise")
    fields = attribute["schedulable"].fields
    state = fields["state"].string_value if "state" in fields else ""
    why = fields["reason"].string_value if "reason" in fields else ""
    text = f"the operators say {state or 'nothing'}" + (f": {why}" if why else "")
    remedy = Remedy(
        summary="Choose another host, or end the maintenance", choose_host=ChooseHost(why=text)
    )
    if state == "enabled":
        return yes(text)
    if state == "draining":
        return probably_no(text, remedies=[remedy])
    if state == "maintenance":
        return no(text, remedies=[remedy])
    return no_idea(f"schedulable.json has the state {state!r}, which means nothing here")


FACTS = (reachable, same_machine, libvirt, schedulable)
