"""The agents that an engine talks to: one client per address, the least recently used dropped."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import grpc

from vmfit_comparator.hosts.agent_client import AgentClient
from vmfit_contract.address import Address
from vmfit_contract.connector import Connector

# Each client holds its host's latest snapshot, some hundred kilobytes.
_MAX_CLIENTS = 512


@dataclass(slots=True)
class _Connected:
    client: AgentClient
    credentials: grpc.ChannelCredentials | None
    """What the client's connection was opened with."""


class Agents:
    """Clients by address. Safe to use from several threads."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._lock = threading.Lock()
        self._clients: OrderedDict[tuple[Address, str | None, str | None], _Connected] = (
            OrderedDict()
        )

    def client(
        self,
        address: Address,
        expect_hostname: str | None = None,
        tls_server_name: str | None = None,
    ) -> AgentClient:
        """Return the client for an address. Raises AddressError where neither TLS nor plain text.

        Renewed certificates are used from the next call on.
        """
        key = (address, expect_hostname, tls_server_name)
        credentials = self._connector.credentials(address)
        with self._lock:
            found = self._clients.get(key)
            if found is None:
                channel = self._connector.connect(address, tls_server_name)

                def explain(error: grpc.RpcError, seconds: float) -> str:
                    return self._connector.explain(error, address, tls_server_name, seconds)

                client = AgentClient(channel, expect_hostname, explain)
                found = self._clients[key] = _Connected(client, credentials)
            elif found.credentials is not credentials:
                found.client.reconnect(self._connector.connect(address, tls_server_name))
                found.credentials = credentials
            self._clients.move_to_end(key)
            # A call in progress keeps its channel; the last reference closes it.
            while len(self._clients) > _MAX_CLIENTS:
                self._clients.popitem(last=False)
            return found.client

    def close(self) -> None:
        """Close all clients; their calls in progress end at once."""
        with self._lock:
            clients = [each.client for each in self._clients.values()]
            self._clients.clear()
        for client in clients:
            client.close()
