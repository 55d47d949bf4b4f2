"""Who watches calls from outside: metrics and traces."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

Metadata = Callable[[], Mapping[str, str]]
"""Returns what came with a call, without binary values; of several of a name the last one."""


class EndedCall(NamedTuple):
    """One call, as it ended."""

    path: str
    """One that the server has: "/vmfit.v1.Comparator/Check"."""
    status: str
    """gRPC's name of it: "OK", "NOT_FOUND"."""
    seconds: float
    caller: str


class Observer(Protocol):
    """Told of every call, in the server's event loop; must not take time nor raise.

    Both are told in one context of contextvars, the call's, in which it is answered.
    """

    def began(self, path: str, metadata: Metadata) -> None:
        """Note that a call arrived."""

    def ended(self, call: EndedCall) -> None:
        """Note that it ended."""


class Observers:
    """Tells several."""

    def __init__(self, *observers: Observer | None) -> None:
        """Those that are None are left out."""
        self._observers = [each for each in observers if each is not None]

    def began(self, path: str, metadata: Metadata) -> None:
        """Tell all."""
        for each in self._observers:
            each.began(path, metadata)

    def ended(self, call: EndedCall) -> None:
        """Tell all."""
        for each in self._observers:
            each.ended(call)
