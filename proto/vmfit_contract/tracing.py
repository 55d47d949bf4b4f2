"""Traces of calls for OpenTelemetry, where its own variables say whom to tell.

Each call of a service is a span below the span of its caller, who sends `traceparent`; the calls
that are made to answer it take the service's own along, so that agents' spans are below. Without
OTEL_EXPORTER_OTLP_ENDPOINT nothing of this is loaded. Source:
https://opentelemetry.io/docs/specs/otel/protocol/exporter/,
https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from vmfit_contract.handed_on import HANDED_ON
from vmfit_contract.serving.observer import EndedCall, Metadata, Observer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

_LOG = logging.getLogger(__name__)
_SPAN: "ContextVar[Span]" = ContextVar("vmfit.span")
_WHERE = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
# What is the server's to mend; the others are the caller's. Source: as above.
_SERVERS_FAULT = frozenset(
    ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")
)


@contextmanager
def tracing(
    program: str, version: str, environment: Mapping[str, str] = os.environ
) -> Iterator[Observer | None]:
    """Yield what makes spans, for the time of the block; None where nobody is to be told.

    What was not sent by the end is sent then, for a few seconds at most.
    """
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_off or not any(environment.get(name) for name in _WHERE):
        yield None
        return
    try:
        provider = _provider(program, version)
    except ImportError as error:
        _LOG.warning("no traces: %s: the extra vmfit-proto[tracing] is not installed", error)
        yield None
        return
    try:
        yield CallSpans(provider)
    finally:
        provider.shutdown()


def _provider(program: str, version: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    named = Resource.create({"service.name": program, "service.version": version})
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class CallSpans:
    """Makes a span of each call; see Observer."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._tracer = provider.get_tracer("vmfit")
        self._propagator = TraceContextTextMapPropagator()

    def began(self, path: str, metadata: Metadata) -> None:
        """Begin the span, and have it handed on."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415

        service, _, method = path.removeprefix("/").partition("/")
        span = self._tracer.start_span(
            f"{service}/{method}",
            context=self._propagator.extract(metadata()),
            kind=SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": method},
        )
        _SPAN.set(span)
        handed_on: dict[str, str] = {}
        self._propagator.inject(handed_on, set_span_in_context(span))
        HANDED_ON.set(tuple(handed_on.items()))

    def ended(self, call: EndedCall) -> None:
        """End the span."""
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

        span = _SPAN.get()
        span.set_attributes({"rpc.response.status_code": call.status, "vmfit.caller": call.caller})
        if call.status in _SERVERS_FAULT:
            span.set_status(Status(StatusCode.ERROR, call.status))
        span.end()
