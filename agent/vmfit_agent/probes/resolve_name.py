"""Does a name resolve on this host, and to what?"""

import socket

from vmfit.v1.probe_pb2 import NameAnswer, ResolveName
from vmfit_agent.host import Host
from vmfit_agent.probes.look_up import look_up
from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable


def allow_resolving(question: ResolveName, _host: Host, rules: NetworkRules) -> None:
    """Raise NotAllowed for a name that is not to be resolved."""
    rules.require_name(question.name)


def resolve_name(question: ResolveName, terms: Terms) -> NameAnswer:
    """Return the addresses in the resolver's order, or its words for a name that has none.

    Nothing goes to the addresses, so that loopback ones are told too: they mean that the host would
    connect to itself. Raises NotAllowed for a host that the rules leave out, Unanswerable when the
    resolver cannot run. Source: getaddrinfo as libvirt's client asks it (any family, stream).
    """
    allow_resolving(question, terms.host, terms.rules)
    try:
        found = look_up(question.name, 0)
    except socket.gaierror as error:
        # "Try again" is an answer: libvirt does not try again either.
        if error.errno in (socket.EAI_SYSTEM, socket.EAI_MEMORY):
            raise Unanswerable(f"the resolver cannot run: {error.strerror}") from None
        return NameAnswer(reason=str(error.strerror))
    terms.rules.require_any(question.name, found)
    return NameAnswer(addresses=list(dict.fromkeys(address[0] for _, address in found)))
