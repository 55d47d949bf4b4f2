"""Times for people."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp


def shown_time(moment: Timestamp) -> str:
    """Return a time by the local time zone, which it names."""
    local = datetime.fromtimestamp(moment.ToNanoseconds() / 1e9).astimezone()
    return local.strftime("%Y-%m-%d %H:%M:%S %Z")
