"""The standard health service.

Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

import asyncio
from collections.abc import Mapping

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.serving.budget import Budget
from vmfit_contract.serving.conversation import Call

SERVICE = "grpc.health.v1.Health"
CHECK_PATH = f"/{SERVICE}/Check"
WATCH_PATH = f"/{SERVICE}/Watch"
_ANSWER_SECONDS = 10.0

_Response = health_pb2.HealthCheckResponse


class Health:
    """Says whether services answer. For one event loop."""

    def __init__(self, services: tuple[str, ...], streams: Budget) -> None:
        self._statuses: dict[str, int] = dict.fromkeys(("", *services), _Response.NOT_SERVING)
        self._parts: dict[str, int] = {}
        self._streams = streams
        self._changed = asyncio.Event()
        self._ended = False

    def set(self, *, serving: bool) -> None:
        """Say so from now on, unless `end` was called."""
        if not self._ended:
            self._set(_Response.SERVING if serving else _Response.NOT_SERVING)

    def set_parts(self, parts: Mapping[str, bool]) -> None:
        """Say so of parts of a service, unless `end` was called; others are as they were."""
        if self._ended:
            return
        for name, serving in parts.items():
            self._parts[name] = _Response.SERVING if serving else _Response.NOT_SERVING
        self._tell()

    def end(self) -> None:
        """Say for good that nothing is served; streams end."""
        self._ended = True
        self._parts = dict.fromkeys(self._parts, _Response.NOT_SERVING)
        self._set(_Response.NOT_SERVING)

    async def check(self, call: Call) -> None:
        """Answer Check; raises CallFailed."""
        status = self._status(await _service(call))
        if status is None:
            raise CallFailed(Status.NOT_FOUND, "no such service", "service")
        await _send(call, status)

    async def watch(self, call: Call) -> None:
        """Send the status and every change of it; raises CallFailed."""
        service = await _service(call)
        with self._streams.using(call.key):
            sent = None
            while True:
                changed = self._changed
                status = self._status(service)
                status = _Response.SERVICE_UNKNOWN if status is None else status
                if status != sent:
                    await _send(call, status)
                    sent = status
                if self._ended:
                    return
                await changed.wait()

    def _status(self, service: str) -> int | None:
        """Return a service's or a part's status; None for what there is not.

        No part is there while the service itself does not answer.
        """
        if service in self._statuses:
            return self._statuses[service]
        part = self._parts.get(service)
        overall = self._statuses[""]
        return part if part is None or overall == _Response.SERVING else overall

    def _set(self, status: int) -> None:
        self._statuses = dict.fromkeys(self._statuses, status)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _service(call: Call) -> str:
    try:
        name: str = health_pb2.HealthCheckRequest.FromString(await call.request()).service
    except DecodeError as error:
        raise CallFailed(Status.INVALID_ARGUMENT, f"the request is malformed: {error}") from None
    return name


async def _send(call: Call, status: int) -> None:
    message = _Response(status=status).SerializeToString()
    async with asyncio.timeout(_ANSWER_SECONDS):
        await call.send(message)
