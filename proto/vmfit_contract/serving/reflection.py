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

# Of one content: v1 is v1alpha under its final name. The library has the latter only.
_PACKAGES = ("grpc.reflection.v1", "grpc.reflection.v1alpha")
SERVICES = tuple(f"{package}.ServerReflection" for package in _PACKAGES)
PATHS = tuple(f"/{service}/ServerReflectionInfo" for service in SERVICES)
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
        from grpc_reflection.v1alpha import reflection, reflection_pb2  # noqa: PLC0415

        _describe_final_name(reflection_pb2.DESCRIPTOR)
        for module in self._modules:
            importlib.import_module(module)
        return reflection.ReflectionServicer(self._names)


def _describe_final_name(alpha: Any) -> None:  # noqa: ANN401 -- a FileDescriptor
    """Have v1 described beside v1alpha, for clients that ask for the services of all names."""
    from google.protobuf import descriptor_pb2, descriptor_pool, text_format  # noqa: PLC0415

    file = descriptor_pb2.FileDescriptorProto()
    alpha.CopyToProto(file)
    final, former = _PACKAGES
    file.name = "grpc/reflection/v1/reflection.proto"
    text = text_format.MessageToString(file).replace(former, final)
    file = text_format.Parse(text, descriptor_pb2.FileDescriptorProto())
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
