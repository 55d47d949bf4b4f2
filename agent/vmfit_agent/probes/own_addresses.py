"""The addresses of this very host."""

from vmfit_agent.networking.interface_addresses import interface_addresses
from vmfit_agent.probes.addresses import Address, parse_address


def own_addresses() -> set[Address]:
    """Return the addresses of all interfaces, bridges and loopback among them; raises OSError."""
    found = interface_addresses().values()
    parsed = (parse_address(each.partition("/")[0]) for some in found for each in some)
    return {each for each in parsed if each is not None}
