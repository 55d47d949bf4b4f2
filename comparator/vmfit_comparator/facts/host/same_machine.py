"""Are source and destination two hosts to libvirt?"""

from urllib.parse import urlsplit

from vmfit.v1.finding_pb2 import (
    ChooseHost,
    Remedy,
)
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.host_addresses import own_names
from vmfit_comparator.knowledge.libvirt_identities import (
    destination_host_uuid,
    destination_libvirt_name,
    source_host_uuid,
    source_libvirt_name,
)


# What decides which connection would run the VM.
@fact(
    needs=("source.identity", "destination.identity"),
    reads=(
        *("source.identity.product_uuid", "destination.identity.product_uuid"),
        *("source.identity.hostname", "destination.identity.hostname"),
        *("source.identity.canonical_hostname", "destination.identity.canonical_hostname"),
        *("source.identity.hostname_addresses", "destination.identity.hostname_addresses"),
        *("source.network.interfaces.addresses", "destination.network.interfaces.addresses"),
        *("options.destination_uri", "options.peer_to_peer"),
    ),
    offline=True,
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
    source, destination = source_host_uuid(case), destination_host_uuid(case)
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
    source = own_names(case.source, source_libvirt_name(case))
    if host in source - own_names(case.destination, destination_libvirt_name(case)):
        return no(f"{uri} leads to the source itself", remedies=[remedy])
    return None
