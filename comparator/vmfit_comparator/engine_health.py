"""How an engine fares, for metrics."""

from collections.abc import Mapping
from typing import NamedTuple

from vmfit_comparator.hosts.agents import Connections


class EngineHealth(NamedTuple):
    """What an engine knows of hosts, connections and its store now."""

    hosts: Mapping[str, bool]
    """By the inventory's name, those that were asked: whether they answered the last time."""
    inventory: int
    """How many hosts the inventory has."""
    connections: Connections
    is_recording: bool
    """Whether the last check was recorded; true without a store."""
