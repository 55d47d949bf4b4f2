"""Metrics of `vmfit serve`, where they are wanted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vmfit_comparator import __version__
from vmfit_contract.address import COMPARATOR_METRICS_PORT, AddressError, parse_address
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.serving.observer import Observer
from vmfit_contract.tls_files import TlsFiles

if TYPE_CHECKING:
    from vmfit_comparator.engine import Engine

Function = TypeVar("Function", bound=Callable[..., Any])


def metrics_option(function: Function) -> Function:
    """Add the option that says where metrics are served."""
    return click.option(
        "--metrics",
        envvar="VMFIT_METRICS",
        metavar="ADDRESS",
        help="Serve metrics for Prometheus there, in plain text to anybody who connects.",
    )(function)


@contextmanager
def measured(
    metrics: str | None, engine: "Engine", files: Callable[[], Sequence[TlsFiles]]
) -> Iterator[Observer | None]:
    """Serve metrics for the time of the block, and yield what counts calls.

    `files` are the certificates in use. Raises ListenError, and click.ClickException for what is no
    address.
    """
    if metrics is None:
        yield None
        return
    try:
        address = parse_address(metrics, COMPARATOR_METRICS_PORT)
    except AddressError as error:
        raise AskedWronglyError(f"--metrics: {error}") from None
    if address.is_unix:
        raise AskedWronglyError(f"--metrics {address}: must be host:port")
    from vmfit_comparator.metrics import EngineMetrics, HostMetrics  # noqa: PLC0415
    from vmfit_contract.metrics.exporter import exporting  # noqa: PLC0415
    from vmfit_contract.metrics.process import new_registry  # noqa: PLC0415
    from vmfit_contract.metrics.rpcs import RpcMetrics  # noqa: PLC0415

    registry = new_registry("vmfit", __version__, files)
    registry.register(HostMetrics(engine))
    engine.observe(EngineMetrics(registry))
    with exporting(address, registry):
        yield RpcMetrics(registry)
