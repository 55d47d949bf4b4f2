"""What the server uses of gRPC's side of a call."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import grpc


class Context(Protocol):
    """A call under way, as grpc.aio has it; the types there are less exact."""

    async def read(self) -> Any:  # noqa: ANN401 -- bytes, or grpc.aio.EOF
        """Return the next request's bytes, or grpc.aio.EOF."""

    async def write(self, message: bytes) -> None:
        """Send a response."""

    async def abort(
        self, code: grpc.StatusCode, details: str, trailing_metadata: tuple[tuple[str, bytes], ...]
    ) -> None:
        """End the call; always raises."""

    def time_remaining(self) -> float | None:
        """Return the seconds until the caller's deadline; None when there is none."""

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        """Have it called once the call has ended and its status was sent."""

    def done(self) -> bool:
        """Return whether the call has ended."""

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]]:
        """Return what came with the call."""

    def peer(self) -> str:
        """Return the connection: "ipv4:192.0.2.1:1234", "unix:"."""

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """Return what the transport proved of the peer."""
