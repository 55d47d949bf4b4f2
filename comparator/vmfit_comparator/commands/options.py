"""Options that several subcommands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vmfit_comparator.settings import OUTPUT_FORMATS

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


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
