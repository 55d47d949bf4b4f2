"""How each part of the snapshot fares, for health and metrics, and as text between processes.

A line for each part: its name, its age and how long it took in seconds, and 1 if it is there.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

_MAX_BYTES = 65536


class PartState(NamedTuple):
    """What came of the latest collection of one part."""

    age_seconds: float
    """Since it began."""
    took_seconds: float
    is_there: bool
    """False when it could not be collected, or not in time."""


def encode(states: Mapping[str, PartState]) -> bytes:
    """Return the states as text."""
    return "".join(
        f"{name} {state.age_seconds:.3f} {state.took_seconds:.6f} {int(state.is_there)}\n"
        for name, state in states.items()
    ).encode()


def decode(text: bytes) -> dict[str, PartState]:
    """Return the states of a text; raises ValueError."""
    if len(text) > _MAX_BYTES:
        raise ValueError(f"the states of parts have {len(text)} bytes")
    states = {}
    for line in text.decode().splitlines():
        name, age, took, there = line.split(" ")
        state = PartState(float(age), float(took), there == "1")
        if not (math.isfinite(state.age_seconds) and math.isfinite(state.took_seconds)):
            raise ValueError(f"the part {name} has the state {line[:100]!r}")
        states[name] = state
    return states
