"""Callers by their certificates: what a certificate says, and the roles that settings give it."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from vmfit_contract.access import Caller, Role
from vmfit_contract.roles_table import RolesTable

EVERY_CERTIFICATE = "*"
COMPARATOR_IDENTITY = "uri:urn:vmfit:comparator"
"""In a comparator's certificate: agents answer its probes."""
MAX_IDENTITY_CHARACTERS = 256
MAX_IDENTITIES = 64
"""Of one certificate; what more it names is not looked at."""
_KINDS = ("dns", "uri", "email", "ip")

AGENT_ROLES: RolesTable = {
    Role.READ: (EVERY_CERTIFICATE,),
    Role.PROBE: (COMPARATOR_IDENTITY,),
}
"""Who may ask what of an agent whose settings say nothing of it."""
COMPARATOR_ROLES: RolesTable = {
    Role.READ: (EVERY_CERTIFICATE,),
    Role.CHECK: (EVERY_CERTIFICATE,),
}
"""The same for a comparator."""


class Identity(NamedTuple):
    """What a certificate says of its owner."""

    names: tuple[str, ...]
    """Alternative names: "dns:comparator.example", then "uri:...", "email:..." and "ip:..."."""
    common_name: str = ""

    @classmethod
    def of(
        cls, names_by_kind: Mapping[str, Collection[bytes]], common_name: bytes = b""
    ) -> "Identity":
        """Return the identity by kind of alternative name; what is no name counts as absent.

        A name that holds anything but printable characters could be taken for another.
        """
        names: list[str] = []
        for kind in _KINDS:
            for each in names_by_kind.get(kind, ()):
                text = each.decode(errors="replace")
                if text.isprintable() and 0 < len(text) <= MAX_IDENTITY_CHARACTERS:
                    names.append(f"{kind}:{_canonical(kind, text)}")
        shown = common_name.decode(errors="replace")[:MAX_IDENTITY_CHARACTERS]
        return cls(tuple(names[:MAX_IDENTITIES]), shown if shown.isprintable() else "")

    def __str__(self) -> str:
        """Return what the log calls it."""
        if self.names:
            return self.names[0]
        return f"cn:{self.common_name}" if self.common_name else "a certificate without a name"


class RoleRules:
    """Which certificates have which roles. A role that the settings name has no other holders."""

    def __init__(self, default: RolesTable, settings: RolesTable) -> None:
        self._patterns = {**default, **settings}

    def caller(self, identity: Identity) -> Caller:
        """Return who calls; without any role when no pattern names the certificate."""
        roles = {
            role
            for role, patterns in self._patterns.items()
            if any(_names(pattern, identity) for pattern in patterns)
        }
        return Caller(str(identity), frozenset(roles))


def _names(pattern: str, identity: Identity) -> bool:
    if pattern == EVERY_CERTIFICATE:
        return True
    kind, _, value = pattern.partition(":")
    start, *parts = f"{kind}:{_canonical(kind, value)}".split("*")
    return any(_is_like(name, start, parts) for name in identity.names)


def _is_like(name: str, start: str, parts: Sequence[str]) -> bool:
    """Return whether a name begins with the start, and holds the parts in order, the last last."""
    if not parts or not name.startswith(start):
        return name == start
    *middle, end = parts
    at = len(start)
    for part in middle:
        found = name.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(name) - at >= len(end) and name.endswith(end)


def _canonical(kind: str, text: str) -> str:
    # RFC 4343: names of hosts do not tell upper from lower case.
    return text.lower() if kind == "dns" else text
