"""Times as people write them: of ISO 8601, or so long ago."""

import re
import time
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

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


def shown_time(seconds: float) -> str:
    """Return a time by the local time zone, which it names."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
