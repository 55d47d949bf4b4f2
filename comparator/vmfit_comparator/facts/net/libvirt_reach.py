"""Does the destination's libvirt listen where the destination URI leads?"""

from vmfit.v1.finding_pb2 import Remedy, RestartService
from vmfit.v1.probe_pb2 import ConnectOutcome, PortProbe
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.connect_failures import FAILURES
from vmfit_comparator.knowledge.host_addresses import own_names
from vmfit_comparator.knowledge.libvirt_identities import destination_libvirt_name
from vmfit_comparator.knowledge.migration_ways import libvirt_place

_SOCKETS = {16509: "libvirtd-tcp.socket", 16514: "libvirtd-tls.socket", 22: "ssh.service"}


@fact(
    reads=(
        *("destination.identity", "destination.network.interfaces.addresses"),
        "destination.network.listening_ports",
        *("options.peer_to_peer", "probes.libvirt_port", "probes.not_asked"),
    ),
    offline=True,
)
def libvirt_reach(case: Case) -> Result:
    """Look at the port of the destination URI, and let a peer-to-peer source connect to it.

    A connection is YES; refused, unreachable, without an answer or without an address is NO,
    without --p2p PROBABLY_NO: the client connects then, which mostly runs on the source. A port
    where nothing listens on the destination is NO, or PROBABLY_NO when the URI's name is none that
    the destination has, or nothing at all seems to listen. Where nobody tried it is PROBABLY_YES
    with --p2p; without, YES, as where the client runs is not known.
    Whether libvirt lets anybody in is not asked.

    Source: libvirt's migration documentation, "control connections"; connection URIs.
    """
    place = libvirt_place(case)
    if place is None:
        return not_applicable(
            "does not apply: no TCP connection leads to the destination's libvirt"
        )
    probe = case.probes.libvirt_port
    if case.options.peer_to_peer and probe.HasField("answer"):
        return _tried(place, probe, peer_to_peer=True)
    text = f"{place[0]}:{place[1]}"
    known = case.destination.HasField("network")
    ports = case.destination.network.listening_ports
    if known and all(each.port != place[1] for each in ports):
        if ports and place[0] in own_names(case.destination, destination_libvirt_name(case)):
            text = f"nothing listens on port {place[1]} of the destination"
            return no(text, remedies=[_listen(place[1])])
        seen = f"nothing listens on port {place[1]} of the destination, if {place[0]} is its name"
        return probably_no(seen, probability=0.1, remedies=[_listen(place[1])])
    if probe.HasField("answer"):
        return _tried(place, probe, peer_to_peer=False)
    if not case.options.peer_to_peer and not known:
        return not_applicable("what listens on the destination is not known; the client connects")
    if not case.options.peer_to_peer:
        return yes(f"something listens on port {place[1]}; the client connects to {text}")
    why = probe.error or case.probes.not_asked
    tried = f"whether the source reaches libvirt at {text} was not tried"
    return probably_yes(f"{tried}{f': {why}' if why else ''}", probability=0.9)


def _tried(place: tuple[str, int], probe: PortProbe, *, peer_to_peer: bool) -> Result:
    text = f"{place[0]}:{place[1]}"
    if probe.answer.outcome == ConnectOutcome.CONNECT_OUTCOME_CONNECTED:
        return yes(f"the source connects to libvirt at {text}")
    word = FAILURES.get(probe.answer.outcome)
    if word is None:
        return no_idea(f"what became of a connection to {text} is not known")
    remedies = [_listen(place[1])]
    if peer_to_peer:
        return no(f"{word} libvirt at {text}", remedies=remedies)
    seen = f"{word} libvirt at {text}, and a client's that runs there"
    return probably_no(seen, probability=0.1, remedies=remedies)


def _listen(port: int) -> Remedy:
    return Remedy(
        summary=f"Let libvirt on the destination listen on port {port}, and firewalls let it pass",
        restart_service=RestartService(name=_SOCKETS.get(port, "libvirtd")),
    )
