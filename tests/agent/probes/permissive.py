"""Terms on which questions go anywhere: what rules forbid is another test's subject."""

from dataclasses import dataclass

from vmfit_agent.host import Host
from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_agent.probes.terms import Terms
from vmfit_contract.access import LOCAL

EVERY_PORT = (range(1, 65536),)


@dataclass(frozen=True, slots=True)
class Everywhere(NetworkRules):
    """Loopback too, where the tests' servers are."""

    def why_never(self, address):
        return ""


ANYWHERE = Everywhere(EVERY_PORT)


def terms(seconds=5.0, host=None, rules=ANYWHERE, caller=LOCAL, sockets=("/",)):
    return Terms(host or Host(), rules, caller, seconds, sockets)
