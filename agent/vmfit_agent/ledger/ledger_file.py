"""The ledger on disk: nothing holds before it is written down and on the disk."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from vmfit_agent.ledger.journal import JournalError, read_journal, write_action, write_journal
from vmfit_agent.ledger.rules import Action, Ledger

DIRECTORY = "var/lib/vmfit-prepare"
"""Below the host's root."""
NAME = "ledger"
MAX_BYTES = 16 << 20
MAX_LINES = 4096
"""After so many changes the file is written anew."""


class LedgerUnusable(Exception):  # noqa: N818 -- the state of a file, not a mistake
    """The ledger cannot be read or written; nothing was changed. Says which file, and why."""


class LedgerFile:
    """One process's hold on the ledger. Not safe to use from several threads at once."""

    def __init__(self, directory: Path, boot_id: str) -> None:
        """Nothing is opened yet."""
        self._path = directory / NAME
        self._boot_id = boot_id
        self._descriptor = -1
        self._lock = -1
        self._end = 0
        self._lines = 0

    def open(self) -> tuple[Ledger, int]:
        """Return what holds, and how many leases an earlier boot of the host had left.

        Leases of an earlier boot promise memory that nobody holds any more: they end. The file is
        written anew. Raises LedgerUnusable.
        """
        self.close()
        try:
            self._take_lock()
            ledger, ended = self._read()
            self._rewrite(ledger)
        except OSError as error:
            self.close()
            raise self._unusable(error.strerror or str(error)) from None
        except (JournalError, UnicodeDecodeError) as error:
            self.close()
            told = f"{error}; nothing is promised until it is mended or moved away"
            raise self._unusable(told) from None
        return ledger, ended

    def write(self, actions: Sequence[Action], after: Ledger) -> None:
        """Write changes down; they are on the disk when this returns.

        `after` is the ledger with them. Raises LedgerUnusable: then the file has to be opened
        again, for only it tells whether the changes are in it.
        """
        content = "".join(write_action(each) for each in actions).encode()
        try:
            if self._lines + len(actions) > MAX_LINES:
                self._rewrite(after)
                return
            _write_all(self._descriptor, content, self._end)
            os.fdatasync(self._descriptor)
        except OSError as error:
            # What stands behind the end would look like damage.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            self.close()
            raise self._unusable(error.strerror or str(error)) from None
        self._end += len(content)
        self._lines += len(actions)

    def close(self) -> None:
        """Let another process use the ledger."""
        for descriptor in (self._descriptor, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._lock = -1

    def _take_lock(self) -> None:
        path = self._path.with_suffix(".lock")
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._unusable("another process has it") from None

    def _read(self) -> tuple[Ledger, int]:
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return Ledger(), 0
        if len(content) > MAX_BYTES:
            raise JournalError(f"it is longer than {MAX_BYTES} bytes")
        journal = read_journal(content.decode())
        if journal.boot_id == self._boot_id:
            return journal.ledger, 0
        return Ledger(generation=journal.ledger.generation), len(journal.ledger.leases)

    def _rewrite(self, ledger: Ledger) -> None:
        content = write_journal(self._boot_id, ledger).encode()
        fresh = self._path.with_suffix(".new")
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(fresh, flags, 0o600)
        try:
            _write_all(descriptor, content, 0)
            os.fsync(descriptor)
            fresh.rename(self._path)
            self._sync_directory()
        except BaseException:
            os.close(descriptor)
            raise
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._end = descriptor, len(content)
        self._lines = 1 + len(ledger.leases)

    def _sync_directory(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _unusable(self, why: str) -> LedgerUnusable:
        return LedgerUnusable(f"the ledger {self._path}: {why}")


def _write_all(descriptor: int, content: bytes, offset: int) -> None:
    if os.pwrite(descriptor, content, offset) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
