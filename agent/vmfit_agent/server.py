"""The gRPC server around a snapshot source: services, credentials, start and graceful stop."""

import logging
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from vmfit.v1.host_metadata_service_pb2 import DESCRIPTOR
from vmfit.v1.host_metadata_service_pb2_grpc import add_HostMetadataServicer_to_server
from vmfit_agent.service import MAX_WATCHES, HostMetadata
from vmfit_agent.sources import SnapshotSource
from vmfit_contract.address import Address
from vmfit_contract.channel import SERVER_OPTIONS

_LOG = logging.getLogger(__name__)

SERVICE_NAME = DESCRIPTOR.services_by_name["HostMetadata"].full_name
STOP_SECONDS = 2.0
"""How long calls under way may go on; open health and reflection streams use it up."""
# Every watch and every reflection stream holds a thread; so many are left for short calls.
THREADS_FOR_CALLS = 8
SOCKET_MODE = 0o660


class ListenError(Exception):
    """The server cannot listen there; the message says where and why."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificate chain and key of the server, and the authority of its clients, as PEM files."""

    certificate: Path
    key: Path
    authority: Path

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that demand a client's certificate; raises ListenError."""
        pems = []
        for path in (self.key, self.certificate, self.authority):
            try:
                pems.append(path.read_bytes())
            except OSError as error:
                raise ListenError(f"{path}: cannot be read: {error.strerror}") from None
        key, certificate, authority = pems
        return grpc.ssl_server_credentials(
            [(key, certificate)], root_certificates=authority, require_client_auth=True
        )


class AgentServer:
    """Serves one source on one address."""

    def __init__(self, source: SnapshotSource, *, probes: bool = True) -> None:
        self._source = source
        self._stopping = threading.Event()
        self._server = grpc.server(
            ThreadPoolExecutor(MAX_WATCHES + THREADS_FOR_CALLS, thread_name_prefix="rpc"),
            options=SERVER_OPTIONS,
        )
        self._health = health.HealthServicer(
            experimental_non_blocking=True,
            experimental_thread_pool=ThreadPoolExecutor(1, thread_name_prefix="health"),
        )
        add_HostMetadataServicer_to_server(HostMetadata(source, probes=probes), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        _add_reflection(self._server)
        self._report(False)  # noqa: FBT003 -- the source has not answered yet

    def start(
        self, address: Address, tls: TlsFiles | None = None, *, insecure: bool = False
    ) -> Address:
        """Listen and serve; return the address with the port that was chosen.

        Plain text is served on a unix socket, elsewhere only when `insecure` says so. Raises
        ListenError.
        """
        if address.is_unix:
            _take_socket(address)
        elif tls is None and not insecure:
            raise ListenError(
                f"{address}: serving plain text needs --insecure; "
                "for TLS give --tls-cert, --tls-key and --tls-ca"
            )
        port = self._bind(address, tls)
        self._server.start()
        self._source.follow_availability(self._report)
        return address if address.is_unix else Address(address.host, port)

    def run(self) -> None:
        """Wait for SIGTERM or SIGINT, then finish what is under way within seconds."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self._stopping.wait()
        self.stop()

    def stop(self) -> None:
        """Take no more calls, end the watches, and wait a little for the calls under way."""
        self._health.enter_graceful_shutdown()
        stopped = self._server.stop(STOP_SECONDS)
        self._source.close()
        stopped.wait(STOP_SECONDS + 1)

    def _bind(self, address: Address, tls: TlsFiles | None) -> int:
        # gRPC creates the socket; nobody but owner and group may ever open it.
        mask = os.umask(0o777 & ~SOCKET_MODE)
        try:
            if tls is None or address.is_unix:
                return int(self._server.add_insecure_port(address.target))
            return int(self._server.add_secure_port(address.target, tls.credentials()))
        except RuntimeError as error:
            raise ListenError(f"{address}: cannot listen: {_cause(address, tls, error)}") from None
        finally:
            os.umask(mask)

    def _report(self, available: bool) -> None:  # noqa: FBT001 -- a callback's only argument
        response = health_pb2.HealthCheckResponse
        status = response.SERVING if available else response.NOT_SERVING
        for service in ("", SERVICE_NAME):
            self._health.set(service, status)


def _take_socket(address: Address) -> None:
    """Refuse a socket that another process answers on: gRPC would silently replace it."""
    path = Path(address.path)
    if not path.parent.is_dir():
        raise ListenError(f"{address}: cannot listen: no directory {path.parent}")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(address.path)
        except OSError:
            return
    raise ListenError(f"{address}: cannot listen: another process does already")


def _cause(address: Address, tls: TlsFiles | None, error: RuntimeError) -> str:
    # gRPC tells the cause in its log alone; binding once more ourselves tells us.
    try:
        if address.is_unix:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.bind(address.path)
        else:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            with socket.socket(family) as probe:
                probe.bind((address.host, address.port))
    except OSError as cause:
        return cause.strerror or str(cause)
    if tls is not None:
        return f"{tls.certificate} and {tls.key}: not a usable certificate and its key"
    return str(error)


def _add_reflection(server: grpc.Server) -> None:
    from grpc_reflection.v1alpha import reflection  # noqa: PLC0415

    names = (SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
