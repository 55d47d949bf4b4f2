"""The gRPC server around a service: addresses, certificates, health, and its stop."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import grpc

from vmfit_contract.access import Role
from vmfit_contract.address import Address
from vmfit_contract.identity import RoleRules
from vmfit_contract.listening import ListenError, cannot_listen, require_free, socket_mode
from vmfit_contract.serving import event_loop, health, reflection
from vmfit_contract.serving.answering import Answering
from vmfit_contract.serving.budget import Budget
from vmfit_contract.serving.callers import Callers
from vmfit_contract.serving.connections import hang_up
from vmfit_contract.serving.conversation import Conversations, Talk
from vmfit_contract.serving.observer import Observer
from vmfit_contract.serving.options import server_options
from vmfit_contract.serving.service import Limits, OpenStream, Service
from vmfit_contract.short_turns import take_short_turns
from vmfit_contract.tls_files import ServerTls

_LOG = logging.getLogger(__name__)
_START_SECONDS = 30.0
_ARRIVING_SECONDS = 0.1
"""What was asked before a server stops has arrived after this time, and is answered."""
_SENDING_SECONDS = 0.05
"""What was answered has left for its clients after this time."""


class GrpcServer:
    """Serves RPCs, with health and reflection. Safe to use from several threads."""

    def __init__(
        self,
        name: str,
        service: Service,
        limits: Limits,
        rules: RoleRules,
        watch: OpenStream | None = None,
        *,
        observer: Observer | None = None,
    ) -> None:
        self._watch = watch
        self._observer = observer
        self._name = name
        self._service = service
        self._limits = limits
        self._callers = Callers(rules)
        self._tls: ServerTls | None = None

    def start(
        self, addresses: Sequence[Address], tls: ServerTls | None = None, *, insecure: bool = False
    ) -> list[Address]:
        """Listen and serve; return the addresses with the ports that were chosen.

        Plain text is served on unix sockets, elsewhere only when `insecure` says so and there is no
        `tls`. Raises ListenError.
        """
        for address in addresses:
            if address.is_unix:
                require_free(address)
            elif tls is None and not insecure:
                raise ListenError(
                    f"{address}: serving plain text needs --insecure; "
                    "for TLS give --tls-cert, --tls-key and --tls-ca"
                )
            elif tls is None:
                _warn(address)
        self._tls = tls
        take_short_turns()
        return event_loop.run(self._start(addresses), _START_SECONDS)

    def report(self, *, serving: bool) -> None:
        """Tell who asks for health whether the service answers; at first it does not."""
        event_loop.shared_loop().call_soon_threadsafe(partial(self._health.set, serving=serving))

    def report_parts(self, parts: Mapping[str, bool]) -> None:
        """Tell who asks for the health of "SERVICE/PART" whether that part is there."""
        named = {f"{self._name}/{part}": serving for part, serving in parts.items()}
        event_loop.shared_loop().call_soon_threadsafe(self._health.set_parts, named)

    def reload(self, rules: RoleRules) -> None:
        """Give roles by these rules, and read the certificates again. Raises TlsError."""
        self._callers.use(rules)
        if self._tls is not None:
            self._tls.reload()

    def stop(self, seconds: float) -> Callable[[], None]:
        """Take no more calls, and begin to wait for those under way, so many seconds at most.

        Returns what waits for their end.
        """
        stopping = asyncio.run_coroutine_threadsafe(self._stop(seconds), event_loop.shared_loop())
        return lambda: stopping.result(seconds + 1)

    async def _start(self, addresses: Sequence[Address]) -> list[Address]:
        self._answering = Answering(self._service, self._limits, self._watch)
        streams = Budget("streams", *self._limits.streams)
        offered = dict.fromkeys(rpc.service for rpc in self._service.rpcs.values())
        self._health = health.Health((self._name, *offered), streams)
        names = (*offered, health.SERVICE, *reflection.SERVICES)
        described = reflection.Reflection(names, self._service.rpcs.values(), streams)
        talks: dict[str, tuple[Role | None, Talk]] = {
            health.CHECK_PATH: (None, self._health.check),
            health.WATCH_PATH: (None, self._health.watch),
            **dict.fromkeys(reflection.PATHS, (Role.READ, described.talk)),
        }
        for rpc in self._service.rpcs.values():
            answer = self._answering.watch if rpc.response_streams else self._answering.answer
            talks[rpc.path] = Role(rpc.role), partial(answer, rpc)
        self._conversations = Conversations(self._callers, self._observer)
        handlers = {
            path: self._conversations.handler(path, role, talk)
            for path, (role, talk) in talks.items()
        }
        self._server = grpc.aio.server(
            handlers=(_Handlers(handlers),), options=server_options(self._limits)
        )
        with socket_mode():
            self._bound = [self._bind(each) for each in addresses]
        await self._server.start()
        return self._bound

    def _bind(self, address: Address) -> Address:
        try:
            if self._tls is None or address.is_unix:
                port = self._server.add_insecure_port(address.target)
            else:
                port = self._server.add_secure_port(address.target, self._tls.credentials())
        except RuntimeError as error:
            raise cannot_listen(address, str(error)) from None
        return address if address.is_unix else Address(address.host, port)

    async def _stop(self, seconds: float) -> None:
        self._health.end()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        await _arrived(until)
        await self._conversations.end(until - loop.time())
        await asyncio.sleep(min(_SENDING_SECONDS, seconds))
        hang_up(self._bound)
        await self._server.stop(0)
        self._answering.close()


async def _arrived(until: float) -> None:
    """Wait until what was asked before has arrived: longer on a machine that is slow to wake."""
    loop = asyncio.get_running_loop()
    late = True
    while late and (left := until - loop.time()) > 0:
        began = loop.time()
        await asyncio.sleep(min(_ARRIVING_SECONDS, left))
        late = loop.time() - began > 2 * _ARRIVING_SECONDS


def _warn(address: Address) -> None:
    if address.is_loopback:
        _LOG.info("plain text on %s: everybody on this host has every role", address)
        return
    _LOG.warning(
        "plain text on %s: whoever reaches it has every role, and whoever is on the way reads and "
        "changes what is asked and answered",
        address,
    )


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, handlers: "Mapping[str, grpc.RpcMethodHandler[Any, Any]]") -> None:
        self._handlers = handlers

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Return the handler of the method; None for one that nobody has."""
        return self._handlers.get(handler_call_details.method)
