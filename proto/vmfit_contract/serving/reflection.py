"""The standard reflection service, for grpcurl and its like."""

import asyncio
import importlib
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from google.protobuf.message import DecodeError

from vmfit.v1.rpcs import Rpc
from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.serving.budget import Budget
from vmfit_contract.serving.conversation import Call

SERVICE = "grpc.reflection.v1alpha.ServerReflection"
PATH = f"/{SERVICE}/ServerReflectionInfo"
STREAM_SECONDS = 60.0
"""How long one stream may ask."""


class Reflection:
    """Describes services; loads what describes them when it is first asked."""

    def __init__(self, names: Iterable[str], rpcs: Iterable[Rpc], streams: Budget) -> None:
        self._names = tuple(names)
        self._modules = {rpc.request_module for rpc in rpcs}
        self._streams = streams

    async def talk(self, call: Call) -> None:
        """Answer questions until there are no more; raises CallFailed."""
        with self._streams.using(call.key):
            try:
                async with asyncio.timeout(STREAM_SECONDS):
                    while (message := await call.receive()) is not None:
                        await call.send(self._answer(message))
            except TimeoutError:
                told = f"the stream is older than {STREAM_SECONDS:g} s"
                raise CallFailed(Status.DEADLINE_EXCEEDED, told) from None

    def _answer(self, message: bytes) -> bytes:
        from grpc_reflection.v1alpha import reflection_pb2  # noqa: PLC0415

        try:
            question = reflection_pb2.ServerReflectionRequest.FromString(message)
        except DecodeError as error:
            told = f"the request is malformed: {error}"
            raise CallFailed(Status.INVALID_ARGUMENT, told) from None
        (answer,) = self._servicer.ServerReflectionInfo(iter((question,)), None)
        serialized: bytes = answer.SerializeToString()
        return serialized

    @cached_property
    def _servicer(self) -> Any:  # noqa: ANN401 -- the library has no types
        from grpc_reflection.v1alpha import reflection  # noqa: PLC0415

        for module in self._modules:
            importlib.import_module(module)
        return reflection.ReflectionServicer(self._names)
