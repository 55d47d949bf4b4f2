"""gRPC's reads and writes, which go on to their own end whoever waits for them no more.

What one that is cancelled had received, or was to send, gRPC never frees. Each ends with its call.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

Result = TypeVar("Result")

_under_way: set[asyncio.Future[Any]] = set()


async def undisturbed(operation: Awaitable[Result]) -> Result:
    """Wait for an operation; to cancel this ends the waiting, not the operation."""
    working = asyncio.ensure_future(operation)
    _under_way.add(working)
    working.add_done_callback(_ended)
    return await asyncio.shield(working)


def _ended(working: "asyncio.Future[Any]") -> None:
    _under_way.discard(working)
    if not working.cancelled():
        working.exception()  # Otherwise asyncio complains that nobody asked.
