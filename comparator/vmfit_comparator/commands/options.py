"""Options that several subcommands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vmfit_comparator.settings import OUTPUT_FORMATS
from vmfit_contract.command_line.form_choice import FormChoice

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def output_option(names: str = "") -> Callable[[AnyFunction], AnyFunction]:
    """Return what adds -o, the form of the answer; `names` says what "name" prints, if anything."""
    forms = [*OUTPUT_FORMATS, *(["name"] if names else [])]
    told = f" name: {names}, one a line." if names else ""
    return click.option(
        "-o",
        "--output",
        type=FormChoice(forms),
        default="table",
        show_default=True,
        envvar="VMFIT_OUTPUT",
        help="A table for people (wide: with more columns), or the response message; of that a "
        f"JSONPath prints what it selects.{told}",
    )


def store_option(function: AnyFunction) -> AnyFunction:
    """Add --store, where checks, outcomes and the past of hosts are kept."""
    return click.option(
        "--store",
        metavar="URL",
        envvar="VMFIT_STORE",
        help="Where checks, outcomes and the past are kept: sqlite:///PATH or postgresql://...;"
        " not with --server.",
    )(function)
