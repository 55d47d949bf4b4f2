"""Who follows which hosts are asked, and which have answered."""

from typing import Protocol


class Watcher(Protocol):
    """Told from several threads; returns at once."""

    def asked(self, host: str) -> None:
        """Hear that a host was asked for its snapshot, or who it is."""

    def answered(self, host: str) -> None:
        """Hear that it has answered, or that it is not waited for any more."""
