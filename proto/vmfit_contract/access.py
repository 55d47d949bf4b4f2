"""Who calls, and what a caller may do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a caller may do; the contract names the role that each RPC needs."""

    READ = "read"
    PROBE = "probe"
    CHECK = "check"
    ADMINISTER = "administer"
    PREPARE = "prepare"


EVERY_ROLE = frozenset(Role)


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made one call."""

    name: str
    """What the caller's certificate says: "dns:comparator.example", "uri:..."; "local" for this
    host's own processes, "plain text" for anybody."""
    roles: frozenset[Role]
    share: str = field(default="", compare=False, repr=False)
    """What the caller's calls share places by: its certificate's identity, or its connection."""
    is_gone: Callable[[], bool] = field(default=_never, compare=False, repr=False)
    """Whether nobody waits for the answer any more: long work asks, from any thread, and ends."""

    def may(self, role: Role) -> bool:
        """Return whether the caller has the role."""
        return role in self.roles or Role.ADMINISTER in self.roles


LOCAL = Caller("local", EVERY_ROLE)
"""This host's own processes: what a unix socket's permissions let in, and commands."""
PLAIN_TEXT = Caller("plain text", EVERY_ROLE)
"""Anybody who reaches a port without TLS."""
