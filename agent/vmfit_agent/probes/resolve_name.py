"""Does a name resolve on this host, and to what?"""

import socket
from collections.abc import Sequence
from typing import Any

from vmfit.v1.probe_pb2 import NameAnswer, ResolveName
from vmfit_agent.host import Host
from vmfit_agent.probes.unanswerable import Unanswerable

MAX_ADDRESSES = 64

SocketAddress = tuple[socket.AddressFamily, tuple[Any, ...]]
"""A family, and what connect and bind of that family take."""


def resolve_name(question: ResolveName, _host: Host, _seconds: float) -> NameAnswer:
    """Return the addresses in the resolver's order, or its words for a name that has none.

    Raises Unanswerable when the resolver cannot run.
    Source: getaddrinfo as libvirt's client asks it (any family, stream).
    """
    try:
        found = look_up(question.name, 0)
    except socket.gaierror as error:
        # "Try again" is an answer: libvirt does not try again either.
        if error.errno in (socket.EAI_SYSTEM, socket.EAI_MEMORY):
            raise Unanswerable(f"the resolver cannot run: {error.strerror}") from None
        return NameAnswer(reason=str(error.strerror))
    return NameAnswer(addresses=list(dict.fromkeys(address[0] for _, address in found)))


def look_up(name: str, port: int, flags: int = 0) -> Sequence[SocketAddress]:
    """Return the addresses of a name or address; takes as long as the resolver.

    Raises socket.gaierror.
    """
    # Bytes go to the resolver as they are, as they do from libvirt: no IDNA of Python's own.
    found = socket.getaddrinfo(
        name.encode(), port, socket.AF_UNSPEC, socket.SOCK_STREAM, flags=flags
    )
    return [
        (family, address)
        for family, _, _, _, address in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ][:MAX_ADDRESSES]
