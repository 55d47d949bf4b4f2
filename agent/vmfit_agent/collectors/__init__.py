"""The table of collectors: one file per subsystem, one row per part of a snapshot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from google.protobuf.message import Message

from vmfit_agent.host import Host

Collect = Callable[[Host], Message]


@dataclass(frozen=True, slots=True)
class Collector:
    """How one part is collected.

    A collector returns its part, or raises OSError, ValueError or LibvirtUnavailable: the part is
    then absent for that reason.
    """

    collect: Collect
    period_seconds: float | None
    """Collected anew this often while the agent runs; None: only on events and on demand."""
    files: tuple[str, ...] = ()
    """Globs below the root that it reads: what a recording must hold."""
    deadline_seconds: float = 5.0


# Keys are the field names of Snapshot, in its order.
COLLECTORS: Mapping[str, Collector] = MappingProxyType({})
