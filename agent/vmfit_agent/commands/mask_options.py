"""The options of commands that mask or hash what identifies, and the key that they do it by."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vmfit_contract.command_line.exit_status import AskedWronglyError

# What serves another process's answers needs neither.
if TYPE_CHECKING:
    from vmfit.v1.snapshot_pb2 import Snapshot
    from vmfit_contract.masking.identifier_hashes import IdentifierHashes

Function = TypeVar("Function", bound=Callable[..., Any])
Hashes = Callable[[], "IdentifierHashes | None"]
"""Makes hashes by the site's key, or None where identifiers are told as they are."""


_site_key_file = click.option(
    "--site-key-file",
    envvar="VMFIT_AGENT_SITE_KEY_FILE",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Equal values have equal pseudonyms and hashes wherever this key is used.",
)
_mask = click.option(
    "--mask",
    is_flag=True,
    help="Replace serial numbers, WWNs, MACs, UUIDs, host and iSCSI names by pseudonyms.",
)
_hash_identifiers = click.option(
    "--hash-identifiers",
    is_flag=True,
    envvar="VMFIT_AGENT_HASH_IDENTIFIERS",
    help="Tell hashes by the site's key instead of serial numbers, WWNs, MACs and UUIDs of hosts.",
)


def mask_options(function: Function) -> Function:
    """Add --mask and --site-key-file."""
    return _mask(_site_key_file(function))


def hash_options(function: Function) -> Function:
    """Add --hash-identifiers and --site-key-file, as `hashes`: what makes them, if any.

    The key is read where it is needed: who passes another process's answers on need not have it.
    """

    @functools.wraps(function)
    def command(*arguments: object, **parameters: Any) -> object:  # noqa: ANN401 -- the options'
        hash_identifiers = parameters.pop("hash_identifiers")
        site_key_file = parameters.pop("site_key_file")

        def hashes() -> "IdentifierHashes | None":
            return identifier_hashes(site_key_file) if hash_identifiers else None

        return function(*arguments, hashes=hashes, **parameters)

    decorated: Any = command
    return _hash_identifiers(_site_key_file(decorated))  # type: ignore[no-any-return]


def change_options(function: Function) -> Function:
    """Add all three, as one argument `change`: what does to a snapshot as they say."""

    @functools.wraps(function)
    def command(*arguments: object, **parameters: Any) -> object:  # noqa: ANN401 -- the options'
        names = ("mask", "hash_identifiers", "site_key_file")
        change = _change(*(parameters.pop(name) for name in names))
        return function(*arguments, change=change, **parameters)

    decorated: Any = command
    return mask_options(_hash_identifiers(decorated))  # type: ignore[no-any-return]


def _change(
    mask: bool,  # noqa: FBT001 -- as click gives them
    hash_identifiers: bool,  # noqa: FBT001 -- as above
    site_key_file: Path | None,
) -> "Callable[[Snapshot], object]":
    if mask:
        from vmfit_agent.file_words import file_words  # noqa: PLC0415
        from vmfit_contract.masking.snapshots import mask_snapshot  # noqa: PLC0415

        key = masking_key(site_key_file)
        return functools.partial(mask_snapshot, key=key, words=file_words())
    if hash_identifiers:
        return identifier_hashes(site_key_file).hide_snapshot
    return lambda _: None


def identifier_hashes(site_key_file: Path | None) -> "IdentifierHashes":
    """Return hashes by the site's key; raises AskedWronglyError without one."""
    from vmfit_contract.masking.identifier_hashes import IdentifierHashes  # noqa: PLC0415

    if site_key_file is None:
        raise AskedWronglyError(
            "hash_identifiers: needs a site_key_file, the same on all hosts; vmfit-agent site-key "
            "makes one"
        )
    return IdentifierHashes(_read(site_key_file))


def masking_key(site_key_file: Path | None) -> bytes:
    """Return the site's key, or one for this use; raises AskedWronglyError for a bad file."""
    from vmfit_contract.masking.site_key import random_key  # noqa: PLC0415 -- for few uses

    if site_key_file is None:
        click.echo(
            "masked by a key of its own: with --site-key-file what two hosts share stays shared",
            err=True,
        )
        return random_key()
    return _read(site_key_file)


def _read(site_key_file: Path) -> bytes:
    from vmfit_contract.masking.site_key import SiteKeyError, read_site_key  # noqa: PLC0415

    try:
        return read_site_key(site_key_file)
    except SiteKeyError as error:
        raise AskedWronglyError(str(error)) from None
