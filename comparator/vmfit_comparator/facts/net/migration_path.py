"""Is there a way from the source to the destination's migration address?"""

from ipaddress import ip_address

from vmfit.v1.finding_pb2 import Consequence, Quality
from vmfit.v1.probe_pb2 import ConnectOutcome
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.migration_link import destination_addresses, shared_interface


def _is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


@fact(
    needs="source.network.interfaces",
    reads=(
        *("source.network.routes", "options.migration_uri", "options.tunnelled"),
        "probes.migration_port",
    ),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def migration_path(case: Case) -> Result:
    """Look for an interface, else a default route, of the source towards the destination.

    A common network is YES (REDUCED below 1 Gbit/s), a default route PROBABLY_YES, neither
    PROBABLY_NO, an unknown address NO_IDEA. The address is the one that the source connected to,
    where that was tried, and then there is a way. Firewalls are net.port_reach's business.

    Source: /sys/class/net, netlink, /proc/net/route.
    """
    if case.options.tunnelled:
        return not_applicable("does not apply: the data goes through libvirt's connection")
    network = case.source.network
    probe = case.probes.migration_port.answer
    connected = probe.outcome == ConnectOutcome.CONNECT_OUTCOME_CONNECTED
    known = [probe.address] if connected else destination_addresses(case)
    addresses = [each for each in known if _is_address(each) and not _is_loopback(each)]
    if not addresses:
        return no_idea(
            "the destination's migration address is not known",
            missing=["destination.identity.hostname_addresses"],
        )
    for address in addresses:
        interface = shared_interface(address, case)
        if interface is not None:
            speed = interface.speed_bits_per_second
            slow = 0 < speed < 1_000_000_000
            return yes(
                f"{address} is in the network of {interface.name}"
                + (f", of {speed // 1_000_000} Mbit/s only" if slow else ""),
                quality=Quality.QUALITY_REDUCED if slow else Quality.QUALITY_NATIVE,
            )
    if connected:
        return yes(f"the source connects to {addresses[0]}")
    defaults = ("0.0.0.0/0", "::/0")
    route = next((each for each in network.routes if each.destination in defaults), None)
    if route is not None:
        return probably_yes(f"{addresses[0]} lies behind the default route of {route.interface}")
    return probably_no(f"the source has no network with {addresses[0]} and no default route")


def _is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback
