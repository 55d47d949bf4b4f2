"""Does a gRPC server answer itself?

It is asked on a socket of its own in the directory that systemd makes for the service: over the
network it would have to be a client with a certificate.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from vmfit_contract.address import Address

_NAME = "self.sock"
_NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def own_address(environment: Mapping[str, str] = os.environ) -> Address | None:
    """Return where the service asks itself; None without a directory by systemd.

    Source: systemd.exec(5), RuntimeDirectory=.
    """
    directory = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Address(path=str(Path(directory) / _NAME)) if directory else None


def answers_itself(address: Address, seconds: float) -> bool:
    """Return whether the server answers about its health in time, be it that it has none."""
    with grpc.insecure_channel(address.target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        try:
            health.Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.RpcError as error:
            # Refused as too busy, for one, is an answer.
            return error.code() not in _NO_ANSWER
    return True
