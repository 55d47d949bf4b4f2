"""Who watches an engine from outside: metrics."""

from typing import Protocol

import grpc

from vmfit.v1.comparator_service_pb2 import CheckResponse


class Observer(Protocol):
    """Told of what an engine does, from any thread; must not take time nor raise."""

    def answered(self, response: CheckResponse) -> None:
        """Note an answer about one destination."""

    def asked(self, method: str, code: grpc.StatusCode, seconds: float) -> None:
        """Note a call of an agent, how it ended and how long it took."""


class Nobody:
    """Watches nothing."""

    def answered(self, response: CheckResponse) -> None:
        """Do nothing."""

    def asked(self, method: str, code: grpc.StatusCode, seconds: float) -> None:
        """Do nothing."""
