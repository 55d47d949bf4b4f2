"""Serves metrics over HTTP: one page, few connections at once, each bounded in time and size."""

import logging
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, MetricsHandler

from vmfit_contract.address import Address
from vmfit_contract.listening import cannot_listen
from vmfit_contract.unexpected import unexpected

_LOG = logging.getLogger(__name__)

MAX_CONNECTIONS = 8
IDLE_SECONDS = 10.0
"""How long a client may be silent."""
REQUEST_SECONDS = 20.0
"""How long one connection may last, however busy its client keeps it."""


@contextmanager
def exporting(address: Address, registry: CollectorRegistry) -> Iterator[Address]:
    """Serve the registry for the time of the block; yields the address with its port.

    Raises ListenError.
    """
    try:
        server = _server(address, registry)
    except OSError as error:
        raise cannot_listen(address, error.strerror or str(error)) from None
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    bound = Address(address.host, server.server_port)
    _LOG.info("metrics on http://%s/metrics", bound)
    try:
        yield bound
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(address: Address, registry: CollectorRegistry) -> "_Server":
    family, *_, place = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    kind: type[_Server] = type("_Bound", (_Server,), {"address_family": family})
    handler = type("_Of", (_Handler,), {"registry": registry})
    return kind((str(place[0]), int(place[1])), handler)


class _Server(ThreadingHTTPServer):
    block_on_close = False
    request_queue_size = 16

    def server_bind(self) -> None:
        """Bind without asking the resolver for a name, and take both families on [::]."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "", int(self.server_address[1])

    def server_activate(self) -> None:
        """Listen, with places for a few connections."""
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().server_activate()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 -- its types
        """Answer in a thread, or hang up where there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 -- as above
        """Answer, and end a client that keeps the connection for too long."""
        limit = threading.Timer(REQUEST_SECONDS, _hang_up, [request])
        limit.daemon = True
        limit.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            limit.cancel()
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 -- as above
        """Tell of a bug, which costs one page; clients that go away are nothing to tell of."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            unexpected("/metrics", error)


class _Handler(MetricsHandler):
    timeout = IDLE_SECONDS

    def version_string(self) -> str:
        """Return what the page says of its server: nothing of the interpreter."""
        return "vmfit"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Say nothing of requests."""


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _LOG.debug("a client of the metrics had gone")
