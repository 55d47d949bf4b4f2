"""Where in the network probes may go: by port, by host, and never to some addresses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vmfit_agent.probes.addresses import Address, parse_address, why_never
from vmfit_agent.probes.host_patterns import HostPattern, holds_address, names_host
from vmfit_agent.probes.look_up import SocketAddress, look_up
from vmfit_agent.probes.port_ranges import PortRanges, holds
from vmfit_agent.probes.unanswerable import Unanswerable


class NotAllowed(Unanswerable):
    """The agent's rules forbid the question; the message says which."""


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """What the administrator allows, beside what is always allowed and what never is."""

    ports: PortRanges = ()
    """Allowed beside the usual ones of each question."""
    hosts: Sequence[HostPattern] = ()
    """Empty is every host."""

    def require_port(self, port: int, usual: PortRanges) -> None:
        """Raise NotAllowed for a port that is neither usual nor configured."""
        if not holds((*usual, *self.ports), port):
            raise NotAllowed(f"the agent's probe_ports does not allow port {port}")

    def require_name(self, name: str) -> None:
        """Raise NotAllowed for a name that is not to be resolved, and for a foreign address."""
        address = parse_address(name)
        networks = any(each.network is not None for each in self.hosts)
        if not self._is_listed(name, address) and (address is not None or not networks):
            raise _not_listed(name)

    def require_any(self, name: str, found: Iterable[SocketAddress]) -> None:
        """Raise NotAllowed for a name none of whose addresses is allowed."""
        if not any(self._is_listed(name, parse_address(each[1][0])) for each in found):
            raise _not_listed(name)

    def require_place(self, name: str, port: int, usual: PortRanges) -> None:
        """Raise NotAllowed for what needs no resolver to be refused: names, addresses, ports."""
        name = name.strip("[]")
        self.require_name(name)
        address = parse_address(name)
        if address is not None and (kind := self.why_never(address)):
            raise NotAllowed(f"{name} is {kind}: no probe goes there")
        self.require_port(port, usual)

    def addresses(
        self, name: str, port: int, usual: PortRanges, *, first_only: bool = False
    ) -> list[SocketAddress]:
        """Return the addresses that may be connected to, in the resolver's order, never none.

        The name is resolved once: what is returned is what to connect to. Raises NotAllowed when
        the rules leave none, or leave out the first and `first_only`, and socket.gaierror.
        """
        plain = name.strip("[]")
        self.require_place(plain, port, usual)
        allowed, why = [], ""
        resolved = look_up(plain, port)
        for found in resolved[:1] if first_only else resolved:
            address = parse_address(found[1][0])
            kind = self.why_never(address) if address is not None else "not readable"
            if kind:
                why = f"{name} is {found[1][0]}, {kind}: no probe goes there"
            elif self._is_listed(plain, address):
                allowed.append(found)
        if not allowed:
            raise NotAllowed(why) if why else _not_listed(name)
        return allowed

    def why_never(self, address: Address) -> str:
        """Return what kind of address probes never go to; empty for others."""
        return why_never(address)

    def _is_listed(self, name: str, address: Address | None) -> bool:
        if not self.hosts or names_host(self.hosts, name):
            return True
        return address is not None and holds_address(self.hosts, address)


def _not_listed(name: str) -> NotAllowed:
    return NotAllowed(f"the agent's probe_hosts does not allow {name}")
