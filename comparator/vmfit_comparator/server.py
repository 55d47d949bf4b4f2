"""The comparator's gRPC server: the Comparator service with health and reflection."""

from collections.abc import Sequence
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from vmfit.v1.comparator_service_pb2_grpc import add_ComparatorServicer_to_server
from vmfit.v1.rpcs import COMPARATOR
from vmfit_comparator.engine import Engine
from vmfit_comparator.service import Comparator
from vmfit_contract.address import Address, AddressError
from vmfit_contract.channel import SERVER_OPTIONS

_THREADS = 16


class CannotListenError(AddressError):
    """An address that may be free another time."""


class ComparatorServer:
    """Serves an engine. Plain text over the network needs `insecure`, as for clients."""

    def __init__(
        self,
        engine: Engine,
        addresses: Sequence[Address],
        *,
        insecure: bool = False,
        tls: grpc.ServerCredentials | None = None,
        own: Address | None = None,
    ) -> None:
        """Bind the addresses. Raises AddressError for one that cannot be served.

        On `own`, a unix socket, this very process asks whether it answers.
        """
        self._health = health.HealthServicer()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(_THREADS, "vmfit-serve"), options=SERVER_OPTIONS
        )
        add_ComparatorServicer_to_server(Comparator(engine), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (COMPARATOR, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.addresses = tuple(self._bind(each, insecure, tls) for each in addresses)
        if own is not None:
            self._bind(own, insecure, None)

    def start(self) -> None:
        """Begin to answer, and say so to who asks for health."""
        self._server.start()
        for name in ("", COMPARATOR):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Refuse new calls, and wait for those in progress."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_seconds).wait()

    def wait(self) -> None:
        """Block until the server has stopped."""
        self._server.wait_for_termination()

    def _bind(
        self,
        address: Address,
        insecure: bool,  # noqa: FBT001 -- passed on as it came
        tls: grpc.ServerCredentials | None,
    ) -> Address:
        if not (insecure or address.is_unix or tls is not None):
            raise AddressError(f"address {str(address)!r}: serving plain text needs --insecure")
        try:
            if tls is not None and not address.is_unix:
                port = self._server.add_secure_port(address.target, tls)
            else:
                port = self._server.add_insecure_port(address.target)
        except RuntimeError:
            raise _not_bound(address) from None
        return address if address.is_unix else Address(address.host, port)


def _not_bound(address: Address) -> AddressError:
    # gRPC does not say.
    told = f"address {str(address)!r}: cannot be bound"
    if address.is_unix and not Path(address.path).parent.is_dir():
        return AddressError(f"{told}: no directory {Path(address.path).parent}")
    return CannotListenError(f"{told}: taken, not permitted, or not an address of this host")
