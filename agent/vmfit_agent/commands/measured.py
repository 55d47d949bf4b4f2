"""Metrics of `vmfit-agent serve`, where they are wanted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from vmfit_agent import __version__
from vmfit_agent.calls import Calls
from vmfit_agent.commands.options import AddressOption, listen_failure
from vmfit_contract.address import AGENT_METRICS_PORT, Address
from vmfit_contract.listening import ListenError
from vmfit_contract.serving.observer import Observer
from vmfit_contract.tls_files import ServerTls

Function = TypeVar("Function", bound=Callable[..., Any])


def metrics_option(function: Function) -> Function:
    """Add the option that says where metrics are served."""
    return click.option(
        "--metrics",
        envvar="VMFIT_AGENT_METRICS",
        metavar="ADDRESS",
        type=AddressOption(AGENT_METRICS_PORT),
        help="Serve metrics for Prometheus there, in plain text to anybody who connects.",
    )(function)


@contextmanager
def measured(
    metrics: Address | None, calls: Calls, tls: ServerTls | None
) -> Iterator[Observer | None]:
    """Serve metrics for the time of the block, and yield what counts calls.

    Raises click.ClickException when that address cannot be used.
    """
    if metrics is None:
        yield None
        return
    if metrics.is_unix:
        raise click.UsageError(f"--metrics {metrics}: must be host:port")
    # A megabyte or two: for those who want it.
    from vmfit_agent.metrics import PartMetrics  # noqa: PLC0415
    from vmfit_contract.metrics.exporter import exporting  # noqa: PLC0415
    from vmfit_contract.metrics.process import new_registry  # noqa: PLC0415
    from vmfit_contract.metrics.rpcs import RpcMetrics  # noqa: PLC0415

    registry = new_registry("vmfit-agent", __version__, lambda: [tls.files] if tls else [])
    registry.register(PartMetrics(calls))
    try:
        with exporting(metrics, registry):
            yield RpcMetrics(registry)
    except ListenError as error:
        raise listen_failure(error) from None
