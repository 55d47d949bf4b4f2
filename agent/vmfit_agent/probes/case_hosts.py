"""Which hosts and ports of the network one migration has to do with."""

from dataclasses import dataclass

from vmfit_agent.probes.addresses import Address, parse_address, plain_address
from vmfit_agent.probes.host_patterns import folded
from vmfit_agent.probes.port_ranges import PortRanges, holds


@dataclass(frozen=True, slots=True)
class CaseHosts:
    """The two hosts, and the servers that the guest's definition names."""

    names: frozenset[str] = frozenset()
    """The hosts' names, folded."""
    addresses: frozenset[Address] = frozenset()
    """The hosts' addresses, apart from those that this host has as well: bridges of one address on
    every host lead to itself."""
    ports: PortRanges = ()
    """Which may be asked at the two hosts."""
    servers: frozenset[tuple[str, int]] = frozenset()
    """Folded name or address, and port."""
    unknown: str = ""
    """Why the definition's servers are not known; empty when they are, or none is given."""

    def why_not(self, name: str, port: int | None = None) -> str:
        """Return what to say of a place that the case does not name."""
        place = name if port is None else f"{name} port {port}"
        because = f" ({self.unknown})" if self.unknown else ""
        return f"the migration that the request names has nothing to do with {place}{because}"

    def has(self, name: str, port: int | None = None) -> bool:
        """Return whether the case names it; without a port whether at any port."""
        plain = plain_name(name)
        if any(each == plain and port in (None, known) for each, known in self.servers):
            return True
        at_hosts = port is None or holds(self.ports, port)
        return at_hosts and (plain in self.names or self._is_hosts(plain))

    def has_address(self, address: Address, port: int | None = None) -> bool:
        """Return whether it is an address of the two hosts, and the port one to ask at them."""
        at_hosts = port is None or holds(self.ports, port)
        return at_hosts and plain_address(address) in self.addresses

    def may_lead_to_hosts(self, name: str, port: int | None = None) -> bool:
        """Return whether it is a name that may turn out to be one of the two hosts'."""
        at_hosts = port is None or holds(self.ports, port)
        return at_hosts and bool(self.addresses) and parse_address(name) is None

    def _is_hosts(self, plain: str) -> bool:
        address = parse_address(plain)
        return address is not None and plain_address(address) in self.addresses


def plain_name(name: str) -> str:
    """Return the one spelling of a name or address that is compared."""
    plain = name.strip("[]")
    address = parse_address(plain)
    return folded(plain) if address is None else str(plain_address(address))
