"""Where in the network probes may go: by port, by host, and never to some addresses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vmfit_agent.probes.addresses import Address, parse_address, why_never
from vmfit_agent.probes.case_hosts import CaseHosts
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
    case: CaseHosts | None = None
    """The migration of the request; None is no matter whose."""

    def require_port(self, port: int, usual: PortRanges) -> None:
        """Raise NotAllowed for a port that is neither usual nor configured."""
        if not holds((*usual, *self.ports), port):
            raise NotAllowed(f"the agent's probe_ports does not allow port {port}")

    def require_listed(self, name: str) -> None:
        """Raise NotAllowed for a name that is not to be resolved, and for a foreign address."""
        address = parse_address(name)
        networks = any(each.network is not None for each in self.hosts)
        if not self._is_listed(name, address) and (address is not None or not networks):
            raise _not_listed(name)

    def require_name(self, name: str) -> None:
        """Raise NotAllowed for a name that is not to be resolved; an address needs no resolver."""
        self.require_listed(name)
        if parse_address(name) is None:
            self._require_case(name, None)

    def require_any(self, name: str, found: Iterable[SocketAddress]) -> None:
        """Raise NotAllowed for a name none of whose addresses is allowed."""
        addresses = [parse_address(each[1][0]) for each in found]
        if not any(self._is_listed(name, each) for each in addresses):
            raise _not_listed(name)
        if parse_address(name) is None and not any(
            self._is_of_case(name, each, None) for each in addresses
        ):
            raise self._not_of_case(name, None)

    def require_place(self, name: str, port: int, usual: PortRanges) -> None:
        """Raise NotAllowed for what needs no resolver to be refused: names, addresses, ports."""
        name = name.strip("[]")
        self.require_listed(name)
        address = parse_address(name)
        if address is not None and (kind := self.why_never(address)):
            raise NotAllowed(f"{name} is {kind}: no probe goes there")
        self.require_port(port, usual)
        self._require_case(name, port)

    def addresses(
        self, name: str, port: int, usual: PortRanges, *, first_only: bool = False
    ) -> list[SocketAddress]:
        """Return the addresses that may be connected to, in the resolver's order, never none.

        The name is resolved once: what is returned is what to connect to. Raises NotAllowed when
        the rules leave none, or leave out the first and `first_only`, and socket.gaierror.
        """
        plain = name.strip("[]")
        self.require_place(plain, port, usual)
        allowed, why = [], _not_listed(name)
        resolved = look_up(plain, port)
        for found in resolved[:1] if first_only else resolved:
            address = parse_address(found[1][0])
            kind = self.why_never(address) if address is not None else "not readable"
            if kind:
                why = NotAllowed(f"{name} is {found[1][0]}, {kind}: no probe goes there")
            elif not self._is_listed(plain, address):
                continue
            elif self._is_of_case(plain, address, port):
                allowed.append(found)
            else:
                why = self._not_of_case(name, port)
        if not allowed:
            raise why
        return allowed

    def why_never(self, address: Address) -> str:
        """Return what kind of address probes never go to; empty for others."""
        return why_never(address)

    def _is_listed(self, name: str, address: Address | None) -> bool:
        if not self.hosts or names_host(self.hosts, name):
            return True
        return address is not None and holds_address(self.hosts, address)

    def _require_case(self, name: str, port: int | None) -> None:
        """Raise NotAllowed for what is not of the migration, whatever it resolves to."""
        case = self.case
        if case is None or case.has(name, port) or case.may_lead_to_hosts(name, port):
            return
        raise self._not_of_case(name, port)

    def _is_of_case(self, name: str, address: Address | None, port: int | None) -> bool:
        if self.case is None or self.case.has(name, port):
            return True
        return address is not None and self.case.has_address(address, port)

    def _not_of_case(self, name: str, port: int | None) -> NotAllowed:
        assert self.case is not None
        return NotAllowed(self.case.why_not(name, port))


def _not_listed(name: str) -> NotAllowed:
    return NotAllowed(f"the agent's probe_hosts does not allow {name}")
