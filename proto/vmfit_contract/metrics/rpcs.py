"""What gRPC servers measure of their calls, under the names of the usual gRPC metrics.

Source: https://github.com/grpc-ecosystem/go-grpc-middleware/tree/main/providers/prometheus
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from vmfit_contract.serving.observer import EndedCall, Metadata

_LABELS = ("grpc_service", "grpc_method")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)


class RpcMetrics:
    """Counts calls; see Observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._handled = Counter(
            "grpc_server_handled",
            "Calls that ended, by status.",
            (*_LABELS, "grpc_code"),
            registry=registry,
        )
        self._seconds = Histogram(
            "grpc_server_handling_seconds",
            "How long calls took.",
            _LABELS,
            buckets=_SECONDS,
            registry=registry,
        )
        self._under_way = Gauge(
            "vmfit_calls_under_way", "Calls that have not ended.", _LABELS, registry=registry
        )

    def began(self, path: str, metadata: Metadata) -> None:  # noqa: ARG002 -- traces need it
        """Note that a call arrived."""
        self._under_way.labels(*_names(path)).inc()

    def ended(self, call: EndedCall) -> None:
        """Note that it ended."""
        service, method = _names(call.path)
        self._under_way.labels(service, method).dec()
        self._handled.labels(service, method, _code(call.status)).inc()
        self._seconds.labels(service, method).observe(call.seconds)


def _names(path: str) -> tuple[str, str]:
    service, _, method = path.removeprefix("/").partition("/")
    return service, method


def _code(status: str) -> str:
    """Return a status as these metrics spell it: "OK", "DeadlineExceeded"."""
    return status if status == "OK" else "".join(map(str.capitalize, status.split("_")))
