"""How a program connects to agents and comparators: mutual TLS, or plain text if it is allowed."""

import logging
import threading
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

import grpc

from vmfit_contract.address import Address, AddressError
from vmfit_contract.channel import connect, connect_async
from vmfit_contract.errors import describe
from vmfit_contract.tls_files import TlsError, TlsFiles
from vmfit_contract.x509 import X509

_LOG = logging.getLogger(__name__)

_EXPLAIN_SECONDS = 2.0
# A host that refuses is asked why once for all who call at that time.
_EXPLANATION_SECONDS = 5.0
_MAX_EXPLANATIONS = 1000
_NO_CERTIFICATES = (
    "TLS needs a certificate: give --tls-cert, --tls-key and --tls-ca, or tls_cert, tls_key and "
    "tls_ca in the settings; --insecure allows plain text"
)


class Tls(Protocol):
    """Where a client's certificate comes from."""

    @property
    def files(self) -> TlsFiles | None:
        """The files; None when there are none."""

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return credentials for new channels: the same object until the files change.

        None when there is no certificate. Raises TlsError.
        """


class FixedTls:
    """Credentials that a program has made itself."""

    files: TlsFiles | None = None

    def __init__(self, credentials: grpc.ChannelCredentials | None) -> None:
        self._credentials = credentials

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return them."""
        return self._credentials


class Connector:
    """Opens channels. Safe to use from several threads.

    A unix socket is protected by its permissions. Over the network plain text is used only if
    `insecure` says so, and then a warning in the log tells once what that means, but for this
    machine's own addresses.
    """

    def __init__(self, *, insecure: bool = False, tls: Tls | None = None) -> None:
        self._insecure = insecure
        self._tls = tls or FixedTls(None)
        self._has_warned = False
        self._lock = threading.Lock()
        self._explanations: dict[tuple[Address, str | None], tuple[float, str]] = {}

    def credentials(self, address: Address) -> grpc.ChannelCredentials | None:
        """Return what a channel to an address uses by now; None for plain text.

        A channel that was opened with another object is out of date. Raises AddressError when
        there is no certificate, or none that can be used.
        """
        if address.is_unix:
            return None
        if self._insecure:
            self._warn(address)
            return None
        try:
            credentials = self._tls.credentials()
        except TlsError as error:
            raise AddressError(str(error)) from None
        if credentials is None:
            raise AddressError(f"address {str(address)!r}: {_NO_CERTIFICATES}")
        return credentials

    def connect(
        self,
        address: Address,
        server_name: str | None = None,
        options: Mapping[str, int | str] = MappingProxyType({}),
    ) -> grpc.Channel:
        """Return a channel that connects when it is first used. Raises AddressError.

        With `server_name` the server's certificate must have that name instead of the address's.
        `options` are gRPC's own, beside the usual ones.
        """
        return connect(address, self.credentials(address), server_name, options)

    def connect_async(self, address: Address) -> "grpc.aio.Channel":
        """Return such a channel for asyncio, of the event loop that runs. Raises AddressError."""
        return connect_async(address, self.credentials(address))

    def explain(
        self,
        error: grpc.RpcError,
        address: Address,
        server_name: str | None = None,
        seconds: float = _EXPLAIN_SECONDS,
    ) -> str:
        """Return one line for people: why a call failed, and what to do about it.

        gRPC hardly says why two sides cannot agree on TLS: then the address is asked again, by
        the standard library, for at most `seconds` and two seconds.
        """
        reason = describe(error)
        # What a stub raises is also a grpc.Call; the stubs' types do not say so.
        call: Any = error
        if address.is_unix or not isinstance(call, grpc.Call):
            return reason
        if call.code() is not grpc.StatusCode.UNAVAILABLE:
            return reason
        from vmfit_contract.handshake import is_about_tls, why_no_handshake  # noqa: PLC0415

        if not is_about_tls(reason):
            return reason
        key, now = (address, server_name), time.monotonic()
        with self._lock:
            since, known = self._explanations.get(key, (-_EXPLANATION_SECONDS, ""))
        if now - since < _EXPLANATION_SECONDS:
            return known or reason
        files = None if self._insecure else self._tls.files
        if files is None and not self._insecure:
            return reason
        seconds = min(seconds, _EXPLAIN_SECONDS)
        found = why_no_handshake(address, files, server_name, seconds) if seconds > 0 else ""
        with self._lock:
            if len(self._explanations) >= _MAX_EXPLANATIONS:
                self._explanations.clear()
            self._explanations[key] = now, found
        return found or reason

    def shown_certificate(
        self, address: Address, server_name: str | None, seconds: float
    ) -> X509 | None:
        """Return the certificate that a server shows; None without TLS, or within `seconds`."""
        files = None if self._insecure or address.is_unix else self._tls.files
        if files is None or seconds <= 0:
            return None
        from vmfit_contract.handshake import shown_certificate  # noqa: PLC0415

        return shown_certificate(address, files, server_name, min(seconds, _EXPLAIN_SECONDS))

    def _warn(self, address: Address) -> None:
        if self._has_warned or address.is_loopback:
            return
        self._has_warned = True
        _LOG.warning(
            "--insecure: plain text to %s: whoever is on the way, or takes the address, reads and "
            "changes what is asked and answered",
            address,
        )
