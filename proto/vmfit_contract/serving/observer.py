"""Who watches calls from outside: metrics."""

from typing import Protocol


class Observer(Protocol):
    """Told of every call, in the server's event loop; must not take time."""

    def began(self, path: str) -> None:
        """Note that a call arrived; the path is one that the server has."""

    def ended(self, path: str, status: str, seconds: float) -> None:
        """Note that it ended: gRPC's name of the status ("OK"), and how long it took."""


class Nobody:
    """Watches nothing."""

    def began(self, path: str) -> None:
        """Do nothing."""

    def ended(self, path: str, status: str, seconds: float) -> None:
        """Do nothing."""
