"""`vmfit serve`: the comparator as a gRPC service."""

import gc
import logging

import click

from vmfit_comparator.commands.options import DEFAULT_TIMEOUT_SECONDS, store_option
from vmfit_comparator.commands.session import local_engine
from vmfit_comparator.server import ComparatorServer
from vmfit_comparator.settings import Settings
from vmfit_contract.address import COMPARATOR_PORT, AddressError, parse_address
from vmfit_contract.stop_signal import stop_signal

_LOG = logging.getLogger(__name__)


@click.command()
@click.option(
    "--listen",
    multiple=True,
    default=[f"localhost:{COMPARATOR_PORT}"],
    show_default=True,
    metavar="ADDRESS",
    envvar="VMFIT_LISTEN",
    help="host:port, [IPv6]:port or unix:PATH; may be repeated.",
)
@click.option(
    "--insecure",
    is_flag=True,
    envvar="VMFIT_INSECURE",
    help="Serve, and ask agents, in plain text over the network.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, 86400, min_open=True),
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    envvar="VMFIT_TIMEOUT",
    help="How long to wait for an agent.",
)
@store_option
@click.pass_obj
def command(
    settings: Settings,
    *,
    listen: tuple[str, ...],
    insecure: bool,
    timeout: float,
    store: str | None,
) -> int:
    """Answer check, rank, diff and baseline over gRPC, until SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", force=True
    )
    try:
        addresses = [parse_address(each, COMPARATOR_PORT) for each in listen]
        with (
            stop_signal() as told,
            local_engine(settings, insecure=insecure, timeout=timeout, store=store) as engine,
        ):
            server = ComparatorServer(engine, addresses, insecure=insecure)
            server.start()
            _LOG.info("listening on %s", ", ".join(map(str, server.addresses)))
            # What is there by now stays: no garbage collection need look at it again.
            gc.freeze()
            told.recv(1)
            server.stop()
    except AddressError as error:
        raise click.ClickException(str(error)) from None
    return 0
