"""The agent's gRPC server: who answers calls, behind certificates and bounds."""

from collections.abc import Mapping

from vmfit.v1.rpcs import HOST_METADATA, HOST_METADATA_RPCS, HOST_PREPARATION_RPCS, Rpc
from vmfit_agent.calls import (
    LONGEST_CALL_SECONDS,
    MAX_WATCHES,
    Answers,
    CallFailed,
    Calls,
    Status,
    time_for_answer,
)
from vmfit_agent.part_health import PartHealth
from vmfit_contract.access import Caller
from vmfit_contract.address import Address
from vmfit_contract.identity import AGENT_ROLES, RoleRules
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.serving.observer import Observer
from vmfit_contract.serving.server import GrpcServer
from vmfit_contract.serving.service import Limits, Share
from vmfit_contract.tls_files import ServerTls

NO_PREPARER = "the agent's configuration promises nothing and prepares nothing (no preparer)"
_PREPARER_MISSING = Cause(Reason.PREPARER_MISSING)
STOP_SECONDS = 2.0
"""How long calls under way may go on."""
_MIB = 1 << 20
LIMITS = Limits(
    request_bytes=4 * _MIB,
    default_seconds=LONGEST_CALL_SECONDS,
    longest_seconds=LONGEST_CALL_SECONDS,
    calls=Share(512, 256),
    bytes_held=Share(64 * _MIB, 32 * _MIB),
    working=Share(16, 12),
    # As many as the collecting process answers at once.
    costly=Share(6, 3),
    watches=Share(MAX_WATCHES, MAX_WATCHES // 2),
    streams=Share(64, 16),
)


class AgentServer:
    """Serves calls on one address."""

    def __init__(
        self,
        calls: Calls,
        rules: RoleRules | None = None,
        observer: Observer | None = None,
        preparer: Answers | None = None,
    ) -> None:
        """`preparer` answers HostPreparation; without it every call of that is refused."""
        self._calls = calls
        rules = rules or RoleRules(AGENT_ROLES, {})
        service = _Service(calls, preparer)
        self._server = GrpcServer(
            HOST_METADATA, service, LIMITS, rules, calls.watch, observer=observer
        )
        self._part_health = PartHealth(calls, self._server.report_parts)

    def start(
        self,
        address: Address,
        tls: ServerTls | None = None,
        *,
        insecure: bool = False,
        own: Address | None = None,
    ) -> Address:
        """Listen and serve; return the address with the port that was chosen.

        Plain text is served on a unix socket, elsewhere only when `insecure` says so. On `own`, a
        unix socket, this very process asks whether it answers. Raises ListenError.
        """
        addresses = [address] if own is None else [address, own]
        bound = self._server.start(addresses, tls, insecure=insecure)
        self._calls.follow_availability(lambda available: self._server.report(serving=available))
        self._part_health.start()
        return bound[0]

    def reload(self, rules: RoleRules) -> None:
        """Give roles by these rules, and read the certificates again. Raises TlsError."""
        self._server.reload(rules)

    def stop(self) -> None:
        """Take no more calls, end the watches, and wait a little for the calls under way."""
        self._part_health.close()
        wait = self._server.stop(STOP_SECONDS)
        self._calls.close()
        wait()


class _Service:
    """The agent's calls as a service."""

    rpcs: Mapping[str, Rpc] = {**HOST_METADATA_RPCS, **HOST_PREPARATION_RPCS}

    def __init__(self, calls: Calls, preparer: Answers | None) -> None:
        self._calls = calls
        self._preparer = preparer

    def answer(self, method: str, request: bytes, seconds: float, caller: Caller) -> bytes:
        """Return the response within the seconds; raises CallFailed."""
        seconds = time_for_answer(seconds)
        if method not in HOST_PREPARATION_RPCS:
            return self._calls.answer(method, request, seconds, caller)
        if self._preparer is None:
            raise CallFailed(Status.FAILED_PRECONDITION, NO_PREPARER, cause=_PREPARER_MISSING)
        return self._preparer.answer(method, request, seconds, caller)
