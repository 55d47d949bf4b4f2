"""The comparator's gRPC server: the engine, behind certificates and bounds."""

from collections.abc import Sequence

from vmfit.v1.rpcs import COMPARATOR
from vmfit_comparator.engine import Engine
from vmfit_comparator.service import Comparator
from vmfit_contract.address import Address
from vmfit_contract.identity import COMPARATOR_ROLES, RoleRules
from vmfit_contract.serving.observer import Observer
from vmfit_contract.serving.server import GrpcServer
from vmfit_contract.serving.service import Limits, Share
from vmfit_contract.tls_files import ServerTls

_MIB = 1 << 20
LIMITS = Limits(
    # Two snapshots of hosts with thousands of disks, and the VM.
    request_bytes=16 * _MIB,
    default_seconds=120.0,
    longest_seconds=3600.0,
    calls=Share(1024, 512),
    bytes_held=Share(128 * _MIB, 64 * _MIB),
    working=Share(16, 12),
    costly=Share(4, 3),
    watches=Share(0, 0),
    streams=Share(64, 16),
)


class ComparatorServer:
    """Serves an engine. Plain text over the network needs `insecure`, as for clients."""

    def __init__(
        self,
        engine: Engine,
        addresses: Sequence[Address],
        *,
        insecure: bool = False,
        tls: ServerTls | None = None,
        own: Address | None = None,
        rules: RoleRules | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Take the addresses; on `own`, a unix socket, this process asks whether it answers."""
        rules = rules or RoleRules(COMPARATOR_ROLES, {})
        self._server = GrpcServer(COMPARATOR, Comparator(engine), LIMITS, rules, observer=observer)
        self._wanted = list(addresses)
        self._own = [] if own is None else [own]
        self._insecure = insecure
        self._tls = tls
        self.addresses: tuple[Address, ...] = ()
        """Where it listens, once it was started."""

    def start(self) -> None:
        """Listen and answer, and say so to who asks for health. Raises ListenError."""
        bound = self._server.start([*self._wanted, *self._own], self._tls, insecure=self._insecure)
        self.addresses = tuple(bound[: len(self._wanted)])
        self._server.report(serving=True)

    def reload(self, rules: RoleRules) -> None:
        """Give roles by these rules, and read the certificates again. Raises TlsError."""
        self._server.reload(rules)

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Refuse new calls, and wait for those in progress."""
        self._server.stop(grace_seconds)()
