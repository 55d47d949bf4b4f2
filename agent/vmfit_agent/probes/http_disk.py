"""Does a file on a web server open as a disk? Asked as QEMU's driver asks, never redirected."""

import os
import socket
import time

from vmfit.v1.probe_pb2 import DiskAnswer
from vmfit.v1.vm_pb2 import StorageSource
from vmfit_agent.probes.disk_places import Place
from vmfit_agent.probes.http_head import Head, HttpError, head
from vmfit_agent.probes.image_options import url_path
from vmfit_agent.probes.look_up import SocketAddress
from vmfit_agent.probes.unanswerable import Unanswerable

_SECTOR_BYTES = 512
_MAX_DIGITS = 18
_REDIRECTIONS = (301, 302, 303, 307, 308)


def open_http(source: StorageSource, place: Place, seconds: float) -> DiskAnswer:
    """Ask for the file's size, as QEMU's driver does when it opens it.

    What redirects is Unanswerable: QEMU would follow it, to wherever the server says. Raises
    TimeoutError. Source: QEMU's block/curl.c, curl_open: HEAD, Content-Length, Accept-Ranges.
    """
    until = time.monotonic() + seconds
    request = _request(source, place)
    tls_name = place.name if source.protocol == "https" else None
    failure = ""
    for index, address in enumerate(place.addresses):
        share = (until - time.monotonic()) / (len(place.addresses) - index)
        try:
            found = head(address, request, tls_name, time.monotonic() + share)
        except HttpError as error:
            return DiskAnswer(reason=f"{place}: {error}")
        except TimeoutError:
            if index == len(place.addresses) - 1:
                raise
        except OSError as error:
            failure = f"Failed to connect to {_shown(address)}: {_words(error)}"
        else:
            return _answer(place, found)
    return DiskAnswer(reason=failure)


def _request(source: StorageSource, place: Place) -> bytes:
    name = f"[{place.name}]" if ":" in place.name else place.name
    usual = {"http": 80, "https": 443}[source.protocol]
    host = name if place.port == usual else f"{name}:{place.port}"
    lines = (
        f"HEAD /{url_path(source.name)} HTTP/1.1",
        f"Host: {host}",
        "Accept: */*",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def _answer(place: Place, found: Head) -> DiskAnswer:
    if found.status in _REDIRECTIONS and found.fields.get("location"):
        raise Unanswerable(f"{place} redirects, and no probe follows that")
    if found.status >= 400:
        return DiskAnswer(
            reason=f"The requested URL returned error: {found.status} {found.reason}".strip()
        )
    length = found.fields.get("content-length", "")
    if not length.isdecimal() or len(length) > _MAX_DIGITS:
        return DiskAnswer(reason="Server didn't report file size.")
    if "bytes" not in found.fields.get("accept-ranges", "").lower():
        return DiskAnswer(reason="Server does not support 'range' (byte ranges).")
    # QEMU counts in sectors.
    size = -(-int(length) // _SECTOR_BYTES) * _SECTOR_BYTES
    return DiskAnswer(opens=True, virtual_size_bytes=size)


def _shown(address: SocketAddress) -> str:
    family, place = address
    name = f"[{place[0]}]" if family == socket.AF_INET6 else place[0]
    return f"{name}:{place[1]}"


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
