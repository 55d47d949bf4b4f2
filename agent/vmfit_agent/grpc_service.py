"""The HostMetadata service over gRPC; messages pass as bytes, which only who answers reads."""

import importlib
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import grpc

from vmfit.v1.rpcs import HOST_METADATA
from vmfit_agent.calls import (
    STOPPING,
    UNARY,
    WATCH,
    CallFailed,
    Calls,
    Status,
    time_for_answer,
)
from vmfit_contract.access import PLAIN_TEXT
from vmfit_contract.errors import abort

_REFLECTION = "grpc.reflection.v1alpha.ServerReflection"
_HEALTH = "grpc.health.v1.Health"


def add_host_metadata(server: grpc.Server, calls: Calls) -> None:
    """Answer the methods of HostMetadata."""
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        name: grpc.unary_unary_rpc_method_handler(partial(_answer, calls, name)) for name in UNARY
    }
    handlers[WATCH.method] = grpc.unary_stream_rpc_method_handler(partial(_watch, calls))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(HOST_METADATA, handlers),)
    )


def _answer(calls: Calls, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
    try:
        seconds = time_for_answer(context.time_remaining())
        return calls.answer(method, request, seconds, PLAIN_TEXT)
    except CallFailed as failure:
        _abort(context, failure)
    raise AssertionError("abort returned")


def _watch(calls: Calls, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    try:
        with closing(calls.watch(request, PLAIN_TEXT)) as stream:
            if not context.add_callback(stream.cancel):
                stream.cancel()
            yield from stream
    except CallFailed as failure:
        _abort(context, failure)
    if context.is_active():
        _abort(context, CallFailed(Status.UNAVAILABLE, STOPPING))


def _abort(context: grpc.ServicerContext, failure: CallFailed) -> None:
    abort(context, grpc.StatusCode[failure.status.name], failure.message, failure.field or None)


class Reflection(grpc.GenericRpcHandler):
    """Server reflection, which loads the messages' descriptors when it is first asked for them."""

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Return the handler of reflection's one method."""
        if handler_call_details.method != f"/{_REFLECTION}/ServerReflectionInfo":
            return None
        from grpc_reflection.v1alpha import reflection, reflection_pb2  # noqa: PLC0415

        importlib.import_module(WATCH.request_module)
        servicer = reflection.ReflectionServicer((HOST_METADATA, _HEALTH, _REFLECTION))
        return grpc.stream_stream_rpc_method_handler(
            servicer.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
