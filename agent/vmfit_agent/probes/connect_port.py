"""Can this host open a TCP connection there?"""

import errno
import os
import select
import socket
import time

from vmfit.v1.probe_pb2 import ConnectAnswer, ConnectOutcome, ConnectPort
from vmfit_agent.host import Host
from vmfit_agent.probes.look_up import SocketAddress
from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_agent.probes.port_ranges import (
    LIBVIRT_PORTS,
    PortRanges,
    every_disk_port,
    migration_ports,
)
from vmfit_agent.probes.terms import LOOK_SECONDS, Terms
from vmfit_agent.probes.unanswerable import Unanswerable

# What a firewall's reset looks like; every other error is of the way there.
_REFUSALS = frozenset((errno.ECONNREFUSED, errno.ECONNRESET))
# EPERM comes of a control group's filter, which libvirt's processes need not share.
_OF_THIS_PROCESS = frozenset((errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


def allow_connecting(question: ConnectPort, host: Host, rules: NetworkRules) -> None:
    """Raise NotAllowed for a port or a host that the rules leave out."""
    rules.require_place(question.host, question.port, _usual_ports(host))


def _usual_ports(host: Host) -> PortRanges:
    return (*LIBVIRT_PORTS, *every_disk_port(), *migration_ports(host))


def connect_port(question: ConnectPort, terms: Terms) -> ConnectAnswer:
    """Try the host's addresses one after the other until one connects; nothing is sent.

    Each gets its share of the time that is left. Raises NotAllowed for a place that the rules leave
    out, Unanswerable when this process, rather than this host, may not connect. Source: connect(2).
    """
    usual = _usual_ports(terms.host)
    try:
        addresses = terms.rules.addresses(question.host, question.port, usual)
    except socket.gaierror:
        return ConnectAnswer(outcome=ConnectOutcome.CONNECT_OUTCOME_UNRESOLVED)
    outcome = ConnectOutcome.CONNECT_OUTCOME_UNRESOLVED
    tried = ""
    for index, address in enumerate(addresses):
        share = terms.left() / (len(addresses) - index)
        outcome, tried = _connect(address, share, terms), address[1][0]
        if outcome == ConnectOutcome.CONNECT_OUTCOME_CONNECTED:
            break
    return ConnectAnswer(outcome=outcome, address=tried)


def _connect(address: SocketAddress, seconds: float, terms: Terms) -> ConnectOutcome.ValueType:
    try:
        error = _attempt(address, seconds, terms)
    except OSError as raised:  # No such family on this host, no descriptor left.
        error = raised.errno or errno.EIO
    match error:
        case 0:
            return ConnectOutcome.CONNECT_OUTCOME_CONNECTED
        case errno.EINPROGRESS | errno.ETIMEDOUT:
            return ConnectOutcome.CONNECT_OUTCOME_TIMED_OUT
        case _ if error in _REFUSALS:
            return ConnectOutcome.CONNECT_OUTCOME_REFUSED
        case _ if error in _OF_THIS_PROCESS:
            raise Unanswerable(f"the agent may not connect: {os.strerror(error)}")
        case _:
            return ConnectOutcome.CONNECT_OUTCOME_UNREACHABLE


def _attempt(address: SocketAddress, seconds: float, terms: Terms) -> int:
    """Return the errno that connecting ends with, 0 when it connects."""
    family, place = address
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)  # noqa: FBT003 -- socket's own
        error = connection.connect_ex(place)
        if error == errno.EINPROGRESS:
            if not _is_decided(connection, time.monotonic() + seconds, terms):
                return errno.EINPROGRESS
            error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error == 0 and connection.getsockname() == connection.getpeername():
            # The kernel chose the very port that it was to connect to, and so met itself.
            return errno.ECONNREFUSED
        return error


def _is_decided(connection: socket.socket, until: float, terms: Terms) -> bool:
    """Wait for a connection to be made or refused, unless nobody waits for the answer any more."""
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    while (left := until - time.monotonic()) > 0:
        if poll.poll(min(left, LOOK_SECONDS) * 1000):
            return True
        if terms.caller.is_gone():
            break
    return False
