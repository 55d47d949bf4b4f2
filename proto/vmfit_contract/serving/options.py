"""gRPC's options of a server: bounds that hold before a call reaches us."""

import resource

from vmfit_contract.limits import MAX_MESSAGE_BYTES
from vmfit_contract.serving.service import Limits

STREAMS_PER_CONNECTION = 128
"""Calls at once on one connection; a client's library holds back what would be more."""
_HANDSHAKE_SECONDS = 10
_IDLE_SECONDS = 1800
_AGE_SECONDS = 3600
_AGE_GRACE_SECONDS = 120
_KEEPALIVE_SECONDS = 60
_KEEPALIVE_ANSWER_SECONDS = 20
# Descriptors that are not for connections: files, the interpreter's, gRPC's own, calls to others.
_RESERVED_DESCRIPTORS = 40
_MAX_CONNECTIONS = 2048


def server_options(limits: Limits) -> tuple[tuple[str, int], ...]:
    """Return the options of a server that keeps the limits."""
    return (
        ("grpc.max_receive_message_length", limits.request_bytes),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        # Without this a second server on the same port would take half of the calls.
        ("grpc.so_reuseport", 0),
        ("grpc.max_allowed_incoming_connections", _connections()),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_SECONDS * 1000),
        ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION),
        # A window that does not grow: what nobody reads yet stays with its sender.
        ("grpc.http2.bdp_probe", 0),
        # A certificate that ended, or lost its role, is not used for ever on an old connection.
        ("grpc.max_connection_age_ms", _AGE_SECONDS * 1000),
        ("grpc.max_connection_age_grace_ms", _AGE_GRACE_SECONDS * 1000),
        ("grpc.max_connection_idle_ms", _IDLE_SECONDS * 1000),
        ("grpc.keepalive_time_ms", _KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_ANSWER_SECONDS * 1000),
        # Let clients keep a quiet stream alive; gRPC's default of 5 minutes cuts them off.
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    )


def _connections() -> int:
    """Return how many connections the process has descriptors for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MAX_CONNECTIONS
    return max(min(_MAX_CONNECTIONS, (soft - _RESERVED_DESCRIPTORS) // 2), 1)
