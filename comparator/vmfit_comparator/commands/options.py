"""Options that several subcommands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vmfit_comparator.settings import OUTPUT_FORMATS

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

DEFAULT_TIMEOUT_SECONDS = 20.0


def output_option(function: AnyFunction) -> AnyFunction:
    """Add -o, the form of the answer."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(OUTPUT_FORMATS),
        default="table",
        show_default=True,
        envvar="VMFIT_OUTPUT",
        help="A table for people, or the response message.",
    )(function)


def store_option(function: AnyFunction) -> AnyFunction:
    """Add --store, where checks and outcomes are kept."""
    return click.option(
        "--store",
        metavar="URL",
        envvar="VMFIT_STORE",
        help="Keep checks and outcomes in sqlite:///PATH or postgresql://...; not with --server.",
    )(function)


def comparator_options(function: AnyFunction) -> AnyFunction:
    """Add --server, --insecure and --timeout: who answers."""
    for option in (
        click.option(
            "--timeout",
            type=click.FloatRange(0, 86400, min_open=True),
            default=DEFAULT_TIMEOUT_SECONDS,
            show_default=True,
            metavar="SECONDS",
            envvar="VMFIT_TIMEOUT",
            help="How long to wait for the answer.",
        ),
        click.option(
            "--insecure",
            is_flag=True,
            envvar="VMFIT_INSECURE",
            help="Allow plain-text connections over the network.",
        ),
        click.option(
            "--server",
            metavar="ADDRESS",
            envvar="VMFIT_SERVER",
            help="Ask this running comparator instead of answering here.",
        ),
    ):
        function = option(function)
    return function
