"""What every service tells of itself: its version, its process, its certificates."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric

from vmfit_contract.tls_files import TlsError, TlsFiles, expiries


def new_registry(
    program: str, version: str, files: Callable[[], Sequence[TlsFiles]]
) -> CollectorRegistry:
    """Return a registry that tells of this process; `files` are the certificates in use."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Build(program, version))
    registry.register(_Certificates(files))
    return registry


class _Build:
    def __init__(self, program: str, version: str) -> None:
        self._labels = (program, version)

    def collect(self) -> Iterator[Metric]:
        """Yield the version as a label."""
        family = GaugeMetricFamily(
            "vmfit_build_info", "The program and its version.", labels=("program", "version")
        )
        family.add_metric(self._labels, 1)
        yield family


class _Certificates:
    def __init__(self, files: Callable[[], Sequence[TlsFiles]]) -> None:
        self._files = files

    def collect(self) -> Iterator[Metric]:
        """Yield when certificates end, as the files have it now."""
        family = GaugeMetricFamily(
            "vmfit_certificate_expiry_timestamp_seconds",
            "When a certificate in use, or its authority's, ends; 0 where a file cannot be read.",
            labels=("file",),
        )
        told: dict[str, float] = {}
        for files in self._files():
            try:
                told |= {str(each.path): each.not_after.timestamp() for each in expiries(files)}
            except TlsError:
                told.setdefault(str(files.certificate), 0.0)
        for path, ends in told.items():
            family.add_metric((path,), ends)
        yield family
