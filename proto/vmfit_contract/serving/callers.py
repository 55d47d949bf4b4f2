"""Who makes a call: what TLS proved of the connection."""

from functools import lru_cache
from typing import NamedTuple

from vmfit_contract.access import LOCAL, PLAIN_TEXT, Caller
from vmfit_contract.identity import Identity, RoleRules
from vmfit_contract.serving.context import Context

# gRPC's names of what it found in the peer's certificate.
_NAMES_BY_KIND = {"dns": "peer_dns", "uri": "peer_uri", "email": "peer_email", "ip": "peer_ip"}
_COMMON_NAME = "x509_common_name"
_TRANSPORT = "transport_security_type"
_MAX_REMEMBERED = 1024


class Peer(NamedTuple):
    """A caller, and what it shares places with."""

    caller: Caller
    key: str
    """The certificate's identity; for plain text, which proves nothing, the connection."""


class Callers:
    """Callers by connection, under rules that may change."""

    def __init__(self, rules: RoleRules) -> None:
        self.use(rules)

    def use(self, rules: RoleRules) -> None:
        """Give roles by these rules from the next call on."""
        self._caller = lru_cache(_MAX_REMEMBERED)(rules.caller)

    def peer(self, context: Context) -> Peer:
        """Return who made the call."""
        connection = context.peer()
        if connection.startswith("unix:"):
            return Peer(LOCAL, connection)
        proved = context.auth_context()
        if list(proved.get(_TRANSPORT, ())) != [b"ssl"]:
            return Peer(PLAIN_TEXT, connection)
        names = {kind: tuple(proved.get(name, ())) for kind, name in _NAMES_BY_KIND.items()}
        common_name = next(iter(proved.get(_COMMON_NAME, ())), b"")
        caller = self._caller(Identity.of(names, common_name))
        return Peer(caller, caller.name)
