"""The agents that an engine talks to: one client per address, the least recently used dropped."""

import threading
from collections import OrderedDict

import grpc

from vmfit_comparator.hosts.agent_client import AgentClient
from vmfit_contract.address import Address
from vmfit_contract.channel import connect

# Each client holds its host's latest snapshot, some hundred kilobytes.
_MAX_CLIENTS = 512


class Agents:
    """Clients by address. Safe to use from several threads."""

    def __init__(
        self, *, insecure: bool = False, tls: grpc.ChannelCredentials | None = None
    ) -> None:
        self._insecure = insecure
        self._tls = tls
        self._lock = threading.Lock()
        self._clients: OrderedDict[tuple[Address, str | None], AgentClient] = OrderedDict()

    def client(self, address: Address, expect_hostname: str | None = None) -> AgentClient:
        """Return the client for an address. Raises AddressError for forbidden plain text."""
        key = (address, expect_hostname)
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                channel = connect(address, insecure=self._insecure, tls=self._tls)
                client = self._clients[key] = AgentClient(channel, expect_hostname)
            self._clients.move_to_end(key)
            # A call in progress keeps its channel; the last reference closes it.
            while len(self._clients) > _MAX_CLIENTS:
                self._clients.popitem(last=False)
            return client

    def close(self) -> None:
        """Close all clients; their calls in progress end at once."""
        with self._lock:
            clients = list(self._clients.values())
            self._clients.clear()
        for client in clients:
            client.close()
