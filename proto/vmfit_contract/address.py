"""Addresses of agents and comparators: "host", "host:port", "[v6]:port", "unix:PATH"."""

import re
from typing import NamedTuple

AGENT_PORT = 16530
COMPARATOR_PORT = 16531
AGENT_METRICS_PORT = 16540
COMPARATOR_METRICS_PORT = 16541

_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\](?::(.*))?", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}")
_LOOPBACK = re.compile(r"localhost|127\.[0-9.]+|(?:0*:)+0*1|::ffff:127\.[0-9.]+", re.IGNORECASE)
_PORT = re.compile(r"[0-9]{1,5}")
# struct sockaddr_un holds 108 bytes with the terminating zero.
_MAX_SOCKET_PATH_BYTES = 107


class AddressError(ValueError):
    """An address that cannot be used; the message names it."""


class Address(NamedTuple):
    """Where a server listens: a host with a port, or the path of a unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""
    """Set for a unix socket; `host` is empty then."""

    @property
    def is_unix(self) -> bool:
        """The address is a unix socket, whose permissions protect it."""
        return bool(self.path)

    @property
    def is_loopback(self) -> bool:
        """Only this machine's own processes reach the address, or a unix socket."""
        return self.is_unix or _LOOPBACK.fullmatch(self.host) is not None

    @property
    def target(self) -> str:
        """The address as gRPC spells it, for clients and for listeners."""
        if self.is_unix:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        """Return what a person would type."""
        return self.target


def parse_address(text: str, default_port: int) -> Address:
    """Parse an address; a missing port is `default_port`, port 0 lets a listener choose.

    Raises AddressError.
    """
    if text.startswith("unix:"):
        return _unix_address(text)
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed:
        return Address(bracketed[1], _port(text, bracketed[2], default_port))
    if text.count(":") > 1:
        raise AddressError(
            f"address {text!r}: an IPv6 address needs brackets: [::1]:{default_port}"
        )
    host, colon, port = text.partition(":")
    if not _HOST.fullmatch(host):
        raise AddressError(f"address {text!r}: expected host:port, [IPv6]:port or unix:PATH")
    return Address(host, _port(text, port if colon else None, default_port))


def _unix_address(text: str) -> Address:
    path = text.removeprefix("unix:")
    # unix:///run/socket is how gRPC spells an absolute path in a URL.
    path = path.removeprefix("//") if path.startswith("///") else path
    if not path:
        raise AddressError(f"address {text!r}: the path of the socket is missing")
    if "\0" in path or len(path.encode()) > _MAX_SOCKET_PATH_BYTES:
        raise AddressError(
            f"address {text!r}: a socket's path has at most {_MAX_SOCKET_PATH_BYTES} bytes"
        )
    return Address(path=path)


def _port(text: str, port: str | None, default_port: int) -> int:
    if port is None:
        return default_port
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise AddressError(f"address {text!r}: port {port!r} is not a number up to 65535")
    return int(port)
