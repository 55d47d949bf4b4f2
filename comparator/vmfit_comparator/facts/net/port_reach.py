"""Can the source connect to the ports that the destination opens for the migration?"""

from collections.abc import Hashable

from vmfit.v1.probe_pb2 import ConnectOutcome, PortProbe
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import add_option, drop_option, open_ports, widen_ports
from vmfit_comparator.evaluation.result import (
    Result,
    joined,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.connect_failures import FAILURES
from vmfit_comparator.knowledge.host_addresses import has_address
from vmfit_comparator.knowledge.migration_ways import (
    Way,
    disks_way,
    migration_way,
)

_TUNNELLED = "does not apply: the data goes through libvirt's connection"


_NO_PORT = "does not apply: the data takes no TCP port"


def _used_ports(destination: Snapshot) -> Hashable:
    return frozenset(each.port for each in destination.network.listening_ports)


@fact(
    reads=(
        *("destination.network.interfaces.addresses", "destination.network.listening_ports"),
        *("options.listen_address", "options.migration_uri"),
        *("probes.migration_port", "probes.disks_port", "probes.not_asked"),
    ),
    grouping=Grouping(seen_as=_used_ports, seen=("destination.network.listening_ports",)),
)
def port_reach(case: Case) -> Result:
    """Let the destination listen where QEMU will, and the source connect to it.

    A connection is YES. Refused, unreachable or without an answer although the destination
    listens is NO: a firewall, or the address leads to another host. No free port is NO (PROBABLY_NO
    where one was free a moment ago), and so is an address to listen on that the destination does
    not have. The same for the disks' copy. Where nobody tried it is PROBABLY_YES. A tunnel and
    UNIX sockets need no port.

    Source: connect(2), listen(2), as libvirt and QEMU do.
    """
    if case.options.tunnelled:
        return not_applicable(_TUNNELLED)
    ways = {"memory": migration_way(case), "disks": disks_way(case)}
    probes = {"memory": case.probes.migration_port, "disks": case.probes.disks_port}
    outcomes = {
        name: _reach(way, probes[name], case) for name, way in ways.items() if way is not None
    }
    return joined(outcomes) if outcomes else not_applicable(_NO_PORT)


def _reach(way: Way, probe: PortProbe, case: Case) -> Result:
    listens = has_address(way.listen_address, case.destination.network)
    if listens is False:
        remedy = drop_option("--listen-address", "the destination listens on all addresses then")
        missing = f"the destination has no address {way.listen_address} to listen on"
        return no(missing, remedies=[remedy] if case.options.listen_address else [])
    if probe.none_free:
        return _cannot_listen(way, probe, case)
    if not probe.HasField("answer"):
        why = probe.error or case.probes.not_asked
        tried = f"whether the source reaches {way.host} was not tried"
        return probably_yes(f"{tried}{f': {why}' if why else ''}", probability=0.9)
    return _connected(way, probe)


def _cannot_listen(way: Way, probe: PortProbe, case: Case) -> Result:
    seen = f"the destination cannot listen: {probe.error}"
    used = {each.port for each in case.destination.network.listening_ports}
    if any(port not in used for port in range(way.first_port, way.last_port + 1)):
        # Two checks at the same time take ports from each other.
        text = f"{seen}; a moment ago a port was free"
        return probably_no(text, probability=0.2, remedies=[widen_ports()])
    return no(seen, remedies=[widen_ports()])


def _connected(way: Way, probe: PortProbe) -> Result:
    outcome = probe.answer.outcome
    place = f"{probe.host}:{probe.port}"
    if probe.answer.address not in ("", probe.host):
        place += f" ({probe.answer.address})"
    if outcome == ConnectOutcome.CONNECT_OUTCOME_CONNECTED:
        return yes(f"the source connects to {place}")
    word = FAILURES.get(outcome)
    if word is None:
        return no_idea(f"what became of a connection to {place} is not known")
    first, last = way.first_port, way.last_port
    remedies = [
        add_option("--migrateuri tcp://ADDRESS", "the source reaches another address"),
        open_ports(f"{first}-{last}" if first != last else str(first)),
    ]
    return no(f"the destination listens, but {word} {place}", remedies=remedies)
