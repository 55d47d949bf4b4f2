"""What the server asks of a service, and how much it lets callers have of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from vmfit.v1.rpcs import Rpc
from vmfit_contract.access import Caller


class Stream(Iterator[bytes], Protocol):
    """Serialised responses; ends by CallFailed, or quietly when it is cancelled or ends."""

    def cancel(self) -> None:
        """End the iteration soon, from any thread."""

    def close(self) -> None:
        """Release what the stream holds; for the thread that iterates, at the end."""


class Service(Protocol):
    """Answers calls, in threads of the server."""

    @property
    def rpcs(self) -> Mapping[str, Rpc]:
        """The calls, by method."""

    def answer(self, method: str, request: bytes, seconds: float, caller: Caller) -> bytes:
        """Return the response within the seconds; raises CallFailed."""


OpenStream = Callable[[bytes, Caller], Stream]
"""Opens the stream of the one method whose responses stream, if a service has one."""


class Share(NamedTuple):
    """How much there is at once: in all, and for one caller."""

    total: int
    per_caller: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What callers may have."""

    request_bytes: int
    """One request."""
    default_seconds: float
    """The time of a call that has no deadline."""
    longest_seconds: float
    """The longest of one that has."""
    calls: Share
    """Calls under way, those that wait for their turn included."""
    bytes_held: Share
    """Requests and answers in memory."""
    working: Share
    """Calls of one method that are being answered, each by a thread."""
    costly: Share
    """The same of a costly method."""
    watches: Share
    """Streams of responses, a thread each."""
    streams: Share
    """Streams of health and reflection."""
