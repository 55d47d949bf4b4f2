"""Why two sides cannot agree on TLS: one line for people, where gRPC says "Socket closed".

The standard library shakes hands with the address once more, which tells more.
"""

import re
import socket
import ssl
import time
from datetime import UTC, datetime

from vmfit_contract.address import Address
from vmfit_contract.memory_handshake import (
    EXPIRED,
    NOT_YET_VALID,
    OTHER_ADDRESS,
    OTHER_NAME,
    PURPOSE,
    UNKNOWN_AUTHORITY,
    judged,
)
from vmfit_contract.tls_files import TlsFiles
from vmfit_contract.x509 import X509, parse_pem

# The connection itself failed, and gRPC says how: nothing of it is about TLS.
_PLAIN_CAUSE = re.compile(
    r"refused|no route|unreachable|resol|not known|timed? ?out|too many open|no such file",
    re.IGNORECASE,
)
_HTTP2_FRAME_HEADER_BYTES, _SETTINGS = 9, 4
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
_SHOWN_NAMES, _SHOWN_CHARACTERS = 5, 100


def is_about_tls(reason: str) -> bool:
    """Return whether TLS may be behind a reason for which a peer is unavailable."""
    return not _PLAIN_CAUSE.search(reason)


def why_no_handshake(
    address: Address, files: TlsFiles | None, server_name: str | None, seconds: float
) -> str:
    """Return what is wrong between a client with these files and the server at an address.

    Without files the client speaks plain text. "" when nothing is found within `seconds`.
    """
    until = time.monotonic() + seconds
    try:
        if files is None:
            return _why_no_plain_text(address, until)
        return _why_no_tls(address, files, server_name or address.host, until)
    except (OSError, ValueError):
        # Another trouble than the one that was looked for.
        return ""


def shown_certificate(
    address: Address, files: TlsFiles | None, server_name: str | None, seconds: float
) -> X509 | None:
    """Return the certificate that a server shows, whoever signed it and whatever name it has.

    None when it shows none within `seconds`.
    """
    try:
        return _certificate(address, files, server_name, time.monotonic() + seconds)
    except (OSError, ValueError):
        return None


def _why_no_plain_text(address: Address, until: float) -> str:
    if _certificate(address, None, None, until) is None:
        return ""
    return (
        "it speaks TLS: give --tls-cert, --tls-key and --tls-ca (or tls_cert, tls_key and tls_ca "
        "in the settings) and leave out --insecure"
    )


def _why_no_tls(address: Address, files: TlsFiles, name: str, until: float) -> str:
    context = _context(files)
    try:
        with (
            _connected(address, until) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            if secure.selected_alpn_protocol() != "h2":
                return "it speaks TLS but not HTTP/2: something else listens on that port"
            peer = _peer(secure)
            # TLS 1.3 has the client think that all is well before the server has its say.
            secure.settimeout(_left(until))
            return "" if secure.recv(1) else _why_refused(files, peer)
    except ssl.SSLCertVerificationError as error:
        found = _certificate(address, files, name, until)
        return "" if found is None else _why_not_trusted(error.verify_code, found, files, name)
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return _why_no_server_tls(address, until)
        if "ALERT" in (error.reason or ""):
            return _why_refused(files, None)
        raise
    except ConnectionResetError:
        return _why_refused(files, None)


def _why_no_server_tls(address: Address, until: float) -> str:
    with _connected(address, until) as plain:
        plain.sendall(_HTTP2_PREFACE)
        header = plain.recv(_HTTP2_FRAME_HEADER_BYTES)
    if len(header) < _HTTP2_FRAME_HEADER_BYTES or header[3] != _SETTINGS:
        return "it speaks neither TLS nor gRPC: something else listens on that port"
    return "it serves plain text: give it a certificate, or --insecure here to go without TLS"


def _why_not_trusted(code: int, found: X509, files: TlsFiles, name: str) -> str:
    if code in (OTHER_NAME, OTHER_ADDRESS):
        return (
            f"its certificate is for {_names(found)}, not for {name!r}: use such a name, or say "
            "which one to expect by tls_server_name in the inventory"
        )
    if code == EXPIRED and found.not_after < datetime.now(UTC):
        return f"its certificate expired on {found.not_after:%Y-%m-%d}: renew it there"
    if code == EXPIRED:
        return f"the authority in {files.authority} has expired: renew it"
    if code == NOT_YET_VALID:
        return (
            f"its certificate is not valid before {found.not_before:%Y-%m-%d %H:%M} UTC: compare "
            "the clocks of both machines"
        )
    if code in UNKNOWN_AUTHORITY:
        return (
            f"its certificate was signed by {_shown(found.issuer)}, which {files.authority} does "
            "not hold: give the authority of both sides as --tls-ca"
        )
    if code == PURPOSE:
        return (
            f"its certificate {_shown(found.subject)} is not for servers: issue it one for an agent"
        )
    return f"its certificate {_shown(found.subject)} is not trusted: verification code {code}"


def _why_refused(files: TlsFiles, peer: X509 | None) -> str:
    own = parse_pem(files.certificate.read_bytes())[0]
    now = datetime.now(UTC)
    refused = f"it refuses the certificate {files.certificate}"
    if own.not_after < now:
        return f"{refused}, which expired on {own.not_after:%Y-%m-%d}: renew it"
    if own.not_before > now:
        return f"{refused}, which is not valid before {own.not_before:%Y-%m-%d %H:%M} UTC"
    code = judged(files, as_server=False)
    if code == PURPOSE:
        return f"{refused}, which is not for clients: use one for a comparator or a client"
    if code in UNKNOWN_AUTHORITY:
        return f"{refused}, which was signed by {_shown(own.issuer)}, not by {files.authority}"
    if peer is not None and peer.issuer != own.issuer:
        return (
            f"{refused}, signed by {_shown(own.issuer)}: its own is signed by {_shown(peer.issuer)}"
        )
    return f"{refused}: does its tls_ca hold {_shown(own.issuer)}?"


def _certificate(
    address: Address, files: TlsFiles | None, name: str | None, until: float
) -> X509 | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if files is not None:
        context.load_cert_chain(files.certificate, files.key, password="")
    # Which certificate a server shows may depend on the name that it is called by.
    called = name or address.host
    with (
        _connected(address, until) as plain,
        context.wrap_socket(plain, server_hostname=called) as secure,
    ):
        return _peer(secure)


def _peer(secure: ssl.SSLSocket) -> X509 | None:
    der = secure.getpeercert(binary_form=True)
    return parse_pem(ssl.DER_cert_to_PEM_cert(der).encode())[0] if der else None


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(files.authority)
    context.load_cert_chain(files.certificate, files.key, password="")
    context.set_alpn_protocols(["h2"])
    return context


def _connected(address: Address, until: float) -> socket.socket:
    return socket.create_connection((address.host, address.port), _left(until))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


# What a stranger's certificate says goes to terminals and logs.
def _shown(text: str) -> str:
    return ascii(text[:_SHOWN_CHARACTERS])


def _names(found: X509) -> str:
    names = [*map(_shown, found.names[:_SHOWN_NAMES])]
    if len(found.names) > _SHOWN_NAMES:
        names.append(f"{len(found.names) - _SHOWN_NAMES} more")
    return ", ".join(names) or "no name"
