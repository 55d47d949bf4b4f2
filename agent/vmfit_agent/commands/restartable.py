"""What ends a service by a mistake of the program is no wrong setting: it may start again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click

from vmfit_contract.command_line.exit_status import CannotServeError

_LOG = logging.getLogger(__name__)


@contextmanager
def restartable() -> Iterator[None]:
    """End with status 1, after which systemd starts a service again."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CannotServeError(f"{where}{error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs one start
        _LOG.debug("internal error", exc_info=True)
        raise CannotServeError(f"internal error: {type(error).__name__}: {error}") from None
