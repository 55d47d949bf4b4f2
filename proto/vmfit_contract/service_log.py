"""The log of a service: in systemd's journal with priorities and fields, else on standard error.

Records may have `fields` (`extra={"fields": {"HOST": name}}`), which the journal keeps as
VMFIT_HOST and so on: `journalctl VMFIT_HOST=alpha`.
"""

import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path

from vmfit_contract.printable import PrintableFormatter, one_line

_JOURNAL = "/run/systemd/journal/socket"
# Source: systemd.journal-fields(7), sd-daemon(3).
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))
_MAX_BYTES = 32 * 1024


def log_as_service(
    clean: Callable[[str], str] = str, environment: MutableMapping[str, str] = os.environ
) -> None:
    """Have the root logger write as services do; `clean` is given every text first."""
    handler: logging.Handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(levelname)s: %(message)s", clean))
    if _is_journal(environment.get("JOURNAL_STREAM", "")):
        handler = JournalHandler(handler)
        handler.setFormatter(PrintableFormatter("%(message)s", clean))
    logging.getLogger().handlers[:] = [handler]


class JournalHandler(logging.Handler):
    """Sends records to the journal in its own protocol; where that fails, to another handler.

    Source: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
    """

    def __init__(self, otherwise: logging.Handler, path: str = _JOURNAL) -> None:
        super().__init__()
        self._otherwise = otherwise
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # A journal that is busy holds up nobody for long.
        self._socket.settimeout(0.2)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            self._socket.sendto(self._datagram(record), self._path)
        except OSError:
            self._otherwise.handle(record)

    def _datagram(self, record: logging.LogRecord) -> bytes:
        fields: Mapping[str, object] = getattr(record, "fields", {})
        told = {
            "MESSAGE": self.format(record)[:_MAX_BYTES],
            "PRIORITY": str(_priority(record.levelno)),
            "SYSLOG_IDENTIFIER": Path(sys.argv[0]).name or "vmfit",
            "VMFIT_LOGGER": record.name,
            **{f"VMFIT_{name}": one_line(str(value)) for name, value in fields.items()},
        }
        return b"".join(_field(name, text) for name, text in told.items())


def _field(name: str, text: str) -> bytes:
    value = text.encode(errors="replace")
    if b"\n" not in value:
        return name.encode() + b"=" + value + b"\n"
    return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def _priority(level: int) -> int:
    return next((priority for least, priority in _PRIORITIES if level >= least), 7)


def _is_journal(stream: str) -> bool:
    """Return whether standard error is the journal's, as systemd says of it.

    Source: systemd.exec(5), JOURNAL_STREAM.
    """
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{found.st_dev}:{found.st_ino}"
