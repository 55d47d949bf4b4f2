"""The options of commands that mask, and the key that they mask by."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from vmfit_contract.command_line.exit_status import AskedWronglyError

Function = TypeVar("Function", bound=Callable[..., Any])


def mask_options(function: Function) -> Function:
    """Add --mask and --site-key-file."""
    for decorate in (
        click.option(
            "--site-key-file",
            envvar="VMFIT_AGENT_SITE_KEY_FILE",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Equal values have equal pseudonyms wherever this key is used.",
        ),
        click.option(
            "--mask",
            is_flag=True,
            help="Replace serial numbers, WWNs, MACs, UUIDs, host and iSCSI names by pseudonyms.",
        ),
    ):
        function = decorate(function)
    return function


def masking_key(site_key_file: Path | None) -> bytes:
    """Return the site's key, or one for this use; raises AskedWronglyError for a bad file."""
    from vmfit_agent.masking.site_key import (  # noqa: PLC0415 -- for few uses of a command
        SiteKeyError,
        random_key,
        read_site_key,
    )

    if site_key_file is None:
        click.echo(
            "masked by a key of its own: with --site-key-file what two hosts share stays shared",
            err=True,
        )
        return random_key()
    try:
        return read_site_key(site_key_file)
    except SiteKeyError as error:
        raise AskedWronglyError(str(error)) from None
