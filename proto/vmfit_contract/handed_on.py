"""What the calls that are made to answer a call take along from it: `traceparent`.

Who answers in another thread runs there in a copy of its context.
"""

from contextvars import ContextVar

Metadata = tuple[tuple[str, str], ...]

HANDED_ON: ContextVar[Metadata] = ContextVar("vmfit.handed_on", default=())
"""The metadata; empty where nobody traces, and outside of calls."""
