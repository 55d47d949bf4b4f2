"""A TCP listener for a moment, as QEMU's for an incoming migration."""

import errno
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Sequence

from vmfit.v1.probe_pb2 import ListenerAnswer, OpenListener
from vmfit_agent.host import Host
from vmfit_agent.probes.addresses import parse_address, plain_address
from vmfit_agent.probes.look_up import SocketAddress, look_up
from vmfit_agent.probes.network_rules import NetworkRules, NotAllowed
from vmfit_agent.probes.own_addresses import own_addresses
from vmfit_agent.probes.port_ranges import PortRanges, holds, migration_ports, unprivileged
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.shares import Shares

_LOG = logging.getLogger(__name__)

MAX_LISTENERS = 32
PEER_SECONDS = 1.0
"""How long the first peer may take to close its connection before it is reset."""
_RESET = struct.pack("ii", 1, 0)

_shares = Shares(MAX_LISTENERS)


def open_listener(question: OpenListener, terms: Terms) -> ListenerAnswer:
    """Listen on the first free port of the range, and return at once.

    It closes after the question's seconds or the first connection, and leaves nothing behind that
    would keep QEMU from the port: like QEMU's own listener it reuses a port whose last connection
    the kernel still remembers.
    Raises NotAllowed for ports and addresses that the rules leave out, Unanswerable beyond 32
    listeners and the caller's share of them. Source: bind(2), listen(2).
    """
    ports = listenable_ports(question, terms.host, terms.rules)
    try:
        places = _places(question.address, terms.rules)
    except socket.gaierror as error:
        return ListenerAnswer(reason=f"{question.address}: {error.strerror}")
    caller = terms.caller.name
    if not _shares.take(caller):
        raise Unanswerable(f"{MAX_LISTENERS} listeners, or this caller's share, are open already")
    try:
        listener, reason = _first_free(places, ports)
        if listener is None:
            _shares.give_back(caller)
            return ListenerAnswer(reason=reason)
        port = int(listener.getsockname()[1])
        close_at = time.monotonic() + question.seconds
        threading.Thread(
            target=_serve, args=(listener, close_at, caller), name=f"listener-{port}", daemon=True
        ).start()
    except BaseException:
        _shares.give_back(caller)
        raise
    return ListenerAnswer(port=port)


def listenable_ports(question: OpenListener, host: Host, rules: NetworkRules) -> Sequence[int]:
    """Return the question's ports that are those of migrations, or configured; never privileged.

    Raises NotAllowed when there is none, and for an address to listen on that the rules leave out.
    """
    ranges: PortRanges = unprivileged((*migration_ports(host), *rules.ports))
    asked = range(question.first_port, question.last_port + 1)
    ports = [port for port in asked if holds(ranges, port)]
    if not ports:
        text = f"{asked[0]}-{asked[-1]}" if len(asked) > 1 else str(asked[0])
        raise NotAllowed(f"the agent's probe_ports does not allow to listen on port {text}")
    if question.address:
        rules.require_name(question.address.strip("[]"))
    return ports


def _places(address: str, rules: NetworkRules) -> Sequence[SocketAddress]:
    if not address:
        # libvirt lets QEMU listen on "::" where the host has IPv6, and there IPv4 arrives too.
        return [(socket.AF_INET6, ("::", 0)), (socket.AF_INET, ("0.0.0.0", 0))]  # noqa: S104 -- as asked
    found = look_up(address.strip("[]"), 0, socket.AI_PASSIVE)
    own = own_addresses()
    places = []
    for place in found:
        parsed = parse_address(place[1][0])
        assert parsed is not None
        kind = rules.why_never(parsed)
        if parsed.is_unspecified or (not kind and plain_address(parsed) in own):
            places.append(place)
        elif kind:
            raise NotAllowed(f"{address} is {kind}: no probe listens there")
    return places


def _first_free(
    places: Sequence[SocketAddress], ports: Sequence[int]
) -> tuple[socket.socket | None, str]:
    """Return a listening socket, or None and why the last attempt failed."""
    # What bind(2) says of an address of another host, unless the kernel is told to allow it.
    reason = f"port {ports[-1]}: {os.strerror(errno.EADDRNOTAVAIL)}"
    for port in ports:
        for family, (name, *_) in places:
            try:
                return _listen(family, name, port), ""
            except OSError as error:
                reason = f"port {port}: {os.strerror(error.errno or errno.EIO)}"
                if error.errno == errno.EADDRINUSE:
                    break
    return None, reason


def _listen(family: socket.AddressFamily, name: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(name != "::"))
        listener.bind((name, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener


def _serve(listener: socket.socket, close_at: float, caller: str) -> None:
    """Take one connection before the time is over; the port is free again after that."""
    try:
        with listener:
            listener.settimeout(max(close_at - time.monotonic(), 0.01))
            connection, _ = listener.accept()
        with connection:
            # The peer closes first: then its host, not this one, remembers the connection. A reset
            # right away could overtake the peer's look at whether it connected.
            connection.settimeout(PEER_SECONDS)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.recv(1)
    except OSError as error:
        _LOG.debug("listener: %s", error)
    finally:
        _shares.give_back(caller)
