"""gRPC channels, and what servers have in common, as vmfit configures them."""

import json
from collections.abc import Mapping
from types import MappingProxyType

import grpc

from vmfit_contract.address import Address
from vmfit_contract.limits import MAX_MESSAGE_BYTES

_RETRY_SERVICE_CONFIG = {
    "methodConfig": [
        {
            # Not the comparator: it has asked its agents again already when it says UNAVAILABLE.
            "name": [{"service": "vmfit.v1.HostMetadata"}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_MESSAGE_LIMITS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)
_CHANNEL_OPTIONS = (
    *_MESSAGE_LIMITS,
    # Hosts are asked directly: a proxy for the web from the environment has no say.
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A host that was down answers within seconds of its return.
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.service_config", json.dumps(_RETRY_SERVICE_CONFIG)),
)
SERVER_OPTIONS = (
    *_MESSAGE_LIMITS,
    # Without this a second server on the same port would take half of the calls.
    ("grpc.so_reuseport", 0),
    # Let clients keep a quiet WatchSnapshot alive; gRPC's default of 5 minutes cuts them off.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
)


def connect(
    address: Address,
    tls: grpc.ChannelCredentials | None = None,
    server_name: str | None = None,
    options: Mapping[str, int | str] = MappingProxyType({}),
) -> grpc.Channel:
    """Return a channel that connects when it is first used; without `tls` in plain text.

    With `server_name` the server's certificate must have that name instead of the address's.
    `options` are gRPC's own, beside or instead of the usual ones.
    """
    chosen = _options(server_name if tls else None, options)
    if tls is None:
        return grpc.insecure_channel(address.target, options=chosen)
    return grpc.secure_channel(address.target, tls, options=chosen)


def connect_async(
    address: Address, tls: grpc.ChannelCredentials | None = None
) -> "grpc.aio.Channel":
    """Return such a channel for asyncio."""
    # It starts threads of its own: only where it is used.
    from grpc import aio  # noqa: PLC0415

    if tls is None:
        return aio.insecure_channel(address.target, options=_options(None, {}))
    return aio.secure_channel(address.target, tls, options=_options(None, {}))


def _options(
    server_name: str | None, options: Mapping[str, int | str]
) -> tuple[tuple[str, int | str], ...]:
    chosen: dict[str, int | str] = {**dict(_CHANNEL_OPTIONS), **options}
    if server_name:
        chosen["grpc.ssl_target_name_override"] = server_name
    return tuple(chosen.items())
