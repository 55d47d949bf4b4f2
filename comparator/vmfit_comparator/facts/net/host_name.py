"""Does the name that the destination gives itself lead the source there?"""

from ipaddress import ip_address

from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.probe_pb2 import NameAnswer
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import add_option
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.libvirt_identities import source_libvirt_name
from vmfit_comparator.knowledge.migration_link import destination_addresses, shared_interface
from vmfit_comparator.knowledge.migration_ways import destination_name


def _is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


@fact(
    needs="destination.identity.hostname",
    reads=(
        *("source.identity", "source.network.interfaces", "destination.parts"),
        *("options.migration_uri", "options.tunnelled"),
        *("probes.destination_name", "probes.not_asked"),
    ),
)
def host_name(case: Case) -> Result:
    """Ask where the source connects to when the migration URI is left to the destination.

    libvirt on the destination answers with its host's name: "localhost" is refused, the source's
    own name leads back to the source (NO). Then the source's resolver is asked: no address, or
    loopback and the source's own addresses alone, is NO, another address YES. Where nobody asked,
    /etc/hosts and the networks of both hosts tell what is PROBABLY_NO, YES or PROBABLY_YES. With a
    migration URI or a tunnel the name is not used.

    Source: virConnectGetHostname, getaddrinfo(3).
    """
    options = case.options
    if options.migration_uri or options.tunnelled:
        return not_applicable("does not apply: the destination's name is not used")
    name = destination_name(case)
    remedy = add_option("--migrateuri tcp://ADDRESS", "the destination's name leads elsewhere")
    if name.startswith("localhost"):
        return no(f"the destination calls itself {name}, which libvirt refuses", remedies=[remedy])
    own = {case.source.identity.hostname, source_libvirt_name(case)} - {""}
    if name in own:
        return no(
            f"both hosts call themselves {name}: the source would connect to itself",
            remedies=[remedy],
        )
    probe = case.probes.destination_name
    if probe.HasField("answer"):
        return _as_resolved(name, probe.answer, remedy, case)
    return _as_recorded(name, remedy, case)


def _as_resolved(name: str, answer: NameAnswer, remedy: Remedy, case: Case) -> Result:
    """Judge by what the source's own resolver said."""
    addresses = [each for each in answer.addresses if _is_address(each)]
    if not addresses:
        return no(f"the source cannot resolve {name}: {answer.reason}", remedies=[remedy])
    text = ", ".join(addresses)
    own = _own_addresses(case.source)
    if all(each in own or _is_loopback(each) for each in addresses):
        return no(f"the source resolves {name} to {text}: to itself", remedies=[remedy])
    return yes(f"the source resolves {name} to {text}")


def _as_recorded(name: str, remedy: Remedy, case: Case) -> Result:
    """Judge by what both hosts know of names, as nobody asked the source's resolver."""
    addresses = destination_addresses(case)
    if any(each in _own_addresses(case.source) for each in addresses):
        return probably_no(
            f"{name} resolves to {', '.join(addresses)}, an address of the source",
            remedies=[remedy],
        )
    if not addresses and _resolver_failed(case.destination):
        return probably_no(
            f"the destination cannot resolve its own name {name}",
            probability=0.2,
            remedies=[remedy],
        )
    if _never_resolves(name, case.source):
        return probably_no(
            f"the source cannot resolve {name}: it is not in its /etc/hosts, and there is no name "
            "server",
            remedies=[remedy],
        )
    if any(shared_interface(each, case) for each in addresses):
        return yes(f"{name} is {', '.join(addresses)}, in a network of the source")
    where = f"{name} is {', '.join(addresses)} there" if addresses else f"its name is {name}"
    why = case.probes.destination_name.error or case.probes.not_asked
    asked = f"the source's resolver was not asked{f' ({why})' if why else ''}"
    return probably_yes(f"{where}; {asked}")


def _resolver_failed(snapshot: Snapshot) -> bool:
    """Tell whether the agent asked the resolver for the host's name in vain."""
    return any(
        "resolver" in warning
        for status in snapshot.parts
        if status.name == "identity"
        for warning in status.warnings
    )


def _never_resolves(name: str, snapshot: Snapshot) -> bool:
    """Tell whether a host knows neither the name itself nor a server to ask."""
    identity = snapshot.identity
    if not identity.resolver_read or identity.name_servers or _is_address(name):
        return False
    return name not in identity.static_host_names


def _own_addresses(snapshot: Snapshot) -> set[str]:
    return {
        address.partition("/")[0]
        for each in snapshot.network.interfaces
        if each.name != "lo"
        for address in each.addresses
    }


def _is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback
