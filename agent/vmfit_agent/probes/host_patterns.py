"""Hosts as an administrator names them: by names, with * and ?, by addresses and by networks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_network

from vmfit_agent.probes.addresses import Address, plain_address

_NAME = re.compile(r"[\w*?.-]{1,253}")


@dataclass(frozen=True, slots=True)
class HostPattern:
    """One entry: a network, or else a pattern of names."""

    names: str = ""
    network: IPv4Network | IPv6Network | None = None


def parse_pattern(text: str) -> HostPattern:
    """Return what an entry names: "10.1.0.0/16", "fd00::7", "beta", "*.example"; ValueError."""
    try:
        return HostPattern(network=ip_network(text))
    except ValueError:
        pass
    if _NAME.fullmatch(text) is None or text.replace(".", "").isdecimal():
        raise ValueError("must be a host's name, with * and ?, an address or a network")
    return HostPattern(names=folded(text))


def names_host(patterns: Iterable[HostPattern], name: str) -> bool:
    """Return whether one of the patterns names this name."""
    plain = folded(name)
    return any(each.names and fnmatchcase(plain, each.names) for each in patterns)


def holds_address(patterns: Iterable[HostPattern], address: Address) -> bool:
    """Return whether one of the networks has this address."""
    plain = plain_address(address)
    return any(each.network is not None and plain in each.network for each in patterns)


def folded(name: str) -> str:
    """Return a name as it is compared."""
    return name.lower().removesuffix(".")
