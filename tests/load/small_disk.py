"""A file system that can be filled, and made read-only."""

import os
import subprocess
import time
from contextlib import suppress

import pytest


class SmallDisk:
    """A file system of its own at a directory, in memory."""

    def __init__(self, directory, size_bytes):
        if os.geteuid() != 0:
            pytest.skip("needs root to mount a small file system")
        directory.mkdir()
        self.directory = directory
        self._filler = directory / "filler"
        if _mount("-t", "tmpfs", "-o", f"size={size_bytes}", "small", directory) != 0:
            pytest.skip("nothing can be mounted")

    def fill(self):
        """Leave no room at all."""
        with self._filler.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def empty(self):
        """Give the room back."""
        self._filler.unlink()

    def make_read_only(self):
        """Nobody may have a file of it open for writing."""
        self._remount("ro")

    def make_writable(self):
        self._remount("rw")

    def end(self):
        subprocess.run(["umount", "-l", self.directory], check=True)

    def _remount(self, how):
        for _ in range(100):
            if _mount("-o", f"remount,{how}", self.directory) == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.directory} cannot be made {how}")


def _mount(*words):
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode
