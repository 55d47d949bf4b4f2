"""The table of questions, each bounded, and read-only or self-cleaning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vmfit_agent.host import Host
from vmfit_agent.probes.access_path import access_path
from vmfit_agent.probes.connect_port import connect_port
from vmfit_agent.probes.hash_blocks import hash_blocks
from vmfit_agent.probes.listener import open_listener
from vmfit_agent.probes.measure_dirty_rate import measure_dirty_rate
from vmfit_agent.probes.open_disk import open_disk
from vmfit_agent.probes.resolve_name import resolve_name


@dataclass(frozen=True, slots=True)
class Question:
    """How one kind of question is answered."""

    answer: Callable[[Any, Host, float], Any]
    """Takes the question's message, the host and the seconds that it may take.

    Raises OSError or Unanswerable when there is no answer.
    """
    field: str
    """The field of ProbeResult that the answer becomes."""
    most_at_once: int
    """So many may be under way, those that hang among them."""


# By the field of Probe.
QUESTIONS: Mapping[str, Question] = {
    "resolve_name": Question(resolve_name, "name", 16),
    "open_listener": Question(open_listener, "listener", 16),
    "connect_port": Question(connect_port, "connect", 64),
    "open_disk": Question(open_disk, "disk", 8),
    "access_path": Question(access_path, "access", 16),
    "hash_blocks": Question(hash_blocks, "blocks", 8),
    "measure_dirty_rate": Question(measure_dirty_rate, "dirty_rate", 4),
}
