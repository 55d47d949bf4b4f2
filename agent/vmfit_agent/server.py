"""The gRPC server around who answers calls: credentials, start, health and graceful stop."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from vmfit.v1.rpcs import HOST_METADATA
from vmfit_agent.calls import MAX_WATCHES, Calls
from vmfit_agent.grpc_service import Reflection, add_host_metadata
from vmfit_agent.listening import ListenError, TakenError, require_free, socket_mode
from vmfit_contract.address import Address
from vmfit_contract.channel import SERVER_OPTIONS

STOP_SECONDS = 2.0
"""How long calls under way may go on; open health and reflection streams use it up."""
# Every watch and every reflection stream holds a thread; so many are left for short calls.
THREADS_FOR_CALLS = 8


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
    """Serves calls on one address."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._server = grpc.server(
            ThreadPoolExecutor(MAX_WATCHES + THREADS_FOR_CALLS, thread_name_prefix="rpc"),
            options=SERVER_OPTIONS,
        )
        self._health = health.HealthServicer(
            experimental_non_blocking=True,
            experimental_thread_pool=ThreadPoolExecutor(1, thread_name_prefix="health"),
        )
        add_host_metadata(self._server, calls)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers((Reflection(),))
        self._report(False)  # noqa: FBT003 -- nothing was answered yet

    def start(
        self,
        address: Address,
        tls: TlsFiles | None = None,
        *,
        insecure: bool = False,
        own: Address | None = None,
    ) -> Address:
        """Listen and serve; return the address with the port that was chosen.

        Plain text is served on a unix socket, elsewhere only when `insecure` says so. On `own`, a
        unix socket, this very process asks whether it answers. Raises ListenError.
        """
        if address.is_unix:
            require_free(address)
        elif tls is None and not insecure:
            raise ListenError(
                f"{address}: serving plain text needs --insecure; "
                "for TLS give --tls-cert, --tls-key and --tls-ca"
            )
        port = self._bind(address, tls)
        if own is not None:
            self._bind(own, None)
        self._server.start()
        self._calls.follow_availability(self._report)
        return address if address.is_unix else Address(address.host, port)

    def stop(self) -> None:
        """Take no more calls, end the watches, and wait a little for the calls under way."""
        self._health.enter_graceful_shutdown()
        stopped = self._server.stop(STOP_SECONDS)
        self._calls.close()
        stopped.wait(STOP_SECONDS + 1)

    def _bind(self, address: Address, tls: TlsFiles | None) -> int:
        try:
            with socket_mode():
                if tls is None or address.is_unix:
                    return int(self._server.add_insecure_port(address.target))
                return int(self._server.add_secure_port(address.target, tls.credentials()))
        except RuntimeError as error:
            raise _failure(address, tls, error) from None

    def _report(self, available: bool) -> None:  # noqa: FBT001 -- a callback's only argument
        response = health_pb2.HealthCheckResponse
        status = response.SERVING if available else response.NOT_SERVING
        for service in ("", HOST_METADATA):
            self._health.set(service, status)


def _failure(address: Address, tls: TlsFiles | None, error: RuntimeError) -> ListenError:
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
        return TakenError(f"{address}: cannot listen: {cause.strerror or cause}")
    if tls is not None:
        told = f"{tls.certificate} and {tls.key}: not a usable certificate and its key"
        return ListenError(f"{address}: cannot listen: {told}")
    return TakenError(f"{address}: cannot listen: {error}")
