"""Reads the content of files and block devices that somebody else named."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from vmfit_agent.host import Host
from vmfit_agent.storage.mount_guard import MountGuard, Way, mount_guard
from vmfit_agent.storage.permitted_places import PermittedPlaces
from vmfit_agent.storage.seen_file import SeenFile

Answer = TypeVar("Answer")


class NotTold(OSError):  # noqa: N818 -- a rule, not a mistake
    """The content is kept back; the message says why."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of one host's files, as far as they are told."""

    guard: MountGuard
    places: PermittedPlaces

    def read(
        self, path: str, seconds: float, read: Callable[[int], Answer], flags: int = 0
    ) -> Answer:
        """Return what `read` makes of an open descriptor, which is closed after it.

        What is opened is what was judged, whatever becomes of the path meanwhile; nothing but
        files and block devices is ever opened. `flags` are added to those of open(2).
        Raises NotTold, TimeoutError for a mount that does not answer in time, and OSError.
        """
        way = self.guard.resolve(path)

        def open_and_read() -> Answer:
            descriptor = self._open(way, flags)
            try:
                return read(descriptor)
            finally:
                os.close(descriptor)

        return self.guard.ask(way.real_path, seconds, open_and_read)

    def _open(self, way: Way, flags: int) -> int:
        with self._see(way) as seen:
            refusal = self.places.content_refusal(way, seen)
            if refusal:
                raise NotTold(refusal)
            return seen.open(flags)

    def _see(self, way: Way) -> SeenFile:
        try:
            return SeenFile(way.real_path)
        except OSError:
            # That there is nothing is not told, either.
            refusal = self.places.refusal(way, way.real_path, "")
            if refusal:
                raise NotTold(refusal) from None
            raise


def contents(host: Host) -> Contents:
    """Return the contents of a host's files as its mounts are now."""
    return Contents(mount_guard(host), PermittedPlaces(host))
