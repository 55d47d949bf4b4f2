"""Times as people write them: of ISO 8601, or so long ago."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click
from google.protobuf.timestamp_pb2 import Timestamp

from vmfit_contract.command_line.exit_status import AskedWronglyError

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

_AGO = re.compile(r"(\d{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
FORMS = "2026-11-22, 2026-11-22T14:03, 2026-11-22T14:03:00Z, 90s, 15m, 2h, 3d or 1w"
"""What `parse_time` takes, for people."""


def parse_time(text: str) -> Timestamp:
    """Return a time: ISO 8601, by the local time zone where it says none, or so long ago.

    Raises ValueError, which says what it may look like.
    """
    ago = _AGO.fullmatch(text)
    found = Timestamp()
    try:
        if ago is not None:
            then = time.time() - int(ago[1]) * _SECONDS[ago[2]]
        else:
            then = datetime.fromisoformat(text).astimezone().timestamp()
        found.FromNanoseconds(round(then * 1e9))
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:100]!r} is no time such as {FORMS}") from None
    return found


def between_options(function: AnyFunction) -> AnyFunction:
    """Add --since and --until; the function gets them as texts."""
    since = click.option("--since", metavar="TIME", help="From then on.  [default: all]")
    until = click.option("--until", metavar="TIME", help="Until then.  [default: now]")
    return since(until(function))


def times_asked(since: str | None, until: str | None) -> dict[str, Timestamp]:
    """Return the times of a request that are given. Raises AskedWronglyError naming the option."""
    found: dict[str, Timestamp] = {}
    for option, text in (("since", since), ("until", until)):
        if text is not None:
            try:
                found[option] = parse_time(text)
            except ValueError as error:
                raise AskedWronglyError(f"--{option}: {error}") from None
    return found
