"""The table of questions, each bounded, and read-only or self-cleaning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vmfit.v1.probe_pb2 import Probe
from vmfit_agent.host import Host
from vmfit_agent.probes.access_path import access_path
from vmfit_agent.probes.connect_port import allow_connecting, connect_port
from vmfit_agent.probes.hash_blocks import hash_blocks
from vmfit_agent.probes.listener import listenable_ports, open_listener
from vmfit_agent.probes.measure_dirty_rate import measure_dirty_rate
from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_agent.probes.open_disk import allow_opening, open_disk
from vmfit_agent.probes.read_definition import read_definition
from vmfit_agent.probes.resolve_name import allow_resolving, resolve_name
from vmfit_agent.probes.terms import Terms


@dataclass(frozen=True, slots=True)
class Question:
    """How one kind of question is answered."""

    answer: Callable[[Any, Terms], Any]
    """Takes the question's message and the terms.

    Raises OSError or Unanswerable when there is no answer.
    """
    field: str
    """The field of ProbeResult that the answer becomes."""
    places: int
    """How many are shared among callers, those that hang among them; a caller has half of them."""
    allow: Callable[[Any, Host, NetworkRules], object] = lambda *_: None
    """Raises NotAllowed for what needs no resolver to be refused."""


# By the field of Probe.
QUESTIONS: Mapping[str, Question] = {
    "resolve_name": Question(resolve_name, "name", 32, allow_resolving),
    "open_listener": Question(open_listener, "listener", 8, listenable_ports),
    "connect_port": Question(connect_port, "connect", 64, allow_connecting),
    "open_disk": Question(open_disk, "disk", 16, allow_opening),
    "access_path": Question(access_path, "access", 32),
    "hash_blocks": Question(hash_blocks, "blocks", 16),
    "measure_dirty_rate": Question(measure_dirty_rate, "dirty_rate", 8),
    "read_definition": Question(read_definition, "definition", 4),
}
NETWORK_QUESTIONS = ("resolve_name", "open_listener", "connect_port", "open_disk")
"""Those of them that need no privileges."""


def is_about_network(probe: Probe) -> bool:
    """Return whether a question needs the network, and none of the host's files and rights."""
    kind = probe.WhichOneof("question")
    if kind == "open_disk":
        return not any(host.transport == "unix" for host in probe.open_disk.source.hosts)
    return kind in NETWORK_QUESTIONS
