"""The agents that an engine talks to: one client per address, the least recently used dropped."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import grpc

from vmfit_comparator.hosts.agent_calls import AgentCalls
from vmfit_comparator.hosts.agent_client import AgentClient
from vmfit_comparator.hosts.answer_room import AnswerRoom
from vmfit_comparator.hosts.certified_names import (
    is_address,
    leads_to,
    names_no_host,
    names_the_host,
)
from vmfit_comparator.hosts.host_answer import HostAnswer
from vmfit_comparator.hosts.host_watch import HostWatch
from vmfit_comparator.hosts.machine_check import Certified, MachineCheck, not_certified
from vmfit_contract.address import Address
from vmfit_contract.connector import Connector

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""What one answer of an agent may have: four times a snapshot with 500 VMs and 2,000 disks."""

_MAX_CLIENTS = 4096
# Of all that is known of hosts: some 200 kB of a usual one, 5 MB of one with 500 VMs.
_MAX_BYTES = 768 * 1024 * 1024


@dataclass(slots=True)
class _Connected:
    client: AgentClient
    credentials: grpc.ChannelCredentials | None
    """What the client's connection was opened with."""


class Connections(NamedTuple):
    """What the connections to agents amount to."""

    open: int
    in_use: int
    """With calls under way."""
    known_bytes: int
    """The hosts' latest snapshots in memory."""


class Agents:
    """Clients by address. Safe to use from several threads."""

    def __init__(
        self,
        connector: Connector,
        *,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        max_bytes: int = _MAX_BYTES,
        watch: HostWatch | None = None,
        heard: Callable[[Address, HostAnswer], None] | None = None,
    ) -> None:
        """Take the bounds, and who is told of every snapshot that a host gives."""
        self._connector = connector
        self._heard = heard
        self._watch = watch or HostWatch()
        self._options = {
            "grpc.max_receive_message_length": max_answer_bytes,
            # These try again at once for as long as a server takes connections and closes them,
            # and take gigabytes in seconds; AgentCalls tries again after a pause.
            "grpc.enable_retries": 0,
        }
        self._lock = threading.Lock()
        self._room = AnswerRoom(max_bytes, self._forget)
        self._clients: OrderedDict[tuple[Address, str | None, str | None, str], _Connected] = (
            OrderedDict()
        )

    def client(
        self,
        address: Address,
        expect_hostname: str | None = None,
        tls_server_name: str | None = None,
        name: str = "",
    ) -> AgentClient:
        """Return the client for an address. Raises AddressError where neither TLS nor plain text.

        `name` is what the inventory calls the host: a certificate for addresses alone says nothing
        of who has one, so that the host has to call itself so, or by a name that leads there.
        Renewed certificates are used from the next call on.
        """
        key = (address, expect_hostname, tls_server_name, name)
        credentials = self._connector.credentials(address)
        with self._lock:
            found = self._clients.get(key)
            if found is None:
                channel = self._connect(address, tls_server_name)

                def explain(error: grpc.RpcError, seconds: float) -> str:
                    return self._connector.explain(error, address, tls_server_name, seconds)

                note = partial(self._watch.note, address)
                certified = self._certified(address, tls_server_name, name, credentials)
                machine = MachineCheck(expect_hostname, certified)
                calls = AgentCalls(channel, self._room, explain, note)
                heard = None if self._heard is None else partial(self._heard, address)
                client = AgentClient(calls, self._room, machine, heard)
                found = self._clients[key] = _Connected(client, credentials)
            elif found.credentials is not credentials:
                certified = self._certified(address, tls_server_name, name, credentials)
                found.client.reconnect(self._connect(address, tls_server_name), certified)
                found.credentials = credentials
            self._clients.move_to_end(key)
            # A call in progress keeps its channel; the last reference closes it.
            while len(self._clients) > _MAX_CLIENTS:
                self._clients.popitem(last=False)
            return found.client

    def _connect(self, address: Address, tls_server_name: str | None) -> grpc.Channel:
        return self._connector.connect(address, tls_server_name, self._options)

    def _certified(
        self,
        address: Address,
        tls_server_name: str | None,
        name: str,
        credentials: grpc.ChannelCredentials | None,
    ) -> Certified:
        """Return what tells the names of the agent's certificate, which gRPC has verified."""
        if credentials is None or (address.is_loopback and tls_server_name is None):
            return not_certified
        verified = tls_server_name or address.host

        def names(hostname: str, seconds: float) -> Sequence[str]:
            if not is_address(verified) and names_the_host([verified], hostname):
                return [verified]
            shown = self._connector.shown_certificate(address, tls_server_name, seconds)
            told = [verified] if shown is None else list(shown.names)
            if names_no_host(told) and (
                names_the_host([name], hostname) or leads_to(hostname, verified, seconds)
            ):
                return [hostname]
            return told

        return names

    def _forget(self, size: int) -> None:
        """Drop so much of what is remembered, first of hosts that were not asked for longest."""
        with self._lock:
            clients = [each.client for each in self._clients.values()]
        for client in clients:
            if size <= 0:
                break
            size -= client.known_bytes
            client.forget()

    def connections(self) -> Connections:
        """Return how many there are, and what they hold."""
        with self._lock:
            clients = [each.client for each in self._clients.values()]
        in_use = sum(each.calls_under_way > 0 for each in clients)
        return Connections(len(clients), in_use, sum(each.known_bytes for each in clients))

    def close(self) -> None:
        """Close all clients; their calls in progress end at once."""
        with self._lock:
            clients = [each.client for each in self._clients.values()]
            self._clients.clear()
        for client in clients:
            client.close()
