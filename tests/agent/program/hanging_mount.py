"""A file system whose server can be stopped and continued, in a tree of mounts of its own."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

PROGRAMS = ("bindfs", "unshare", "nsenter")


class HangingMount:
    """bindfs shows `content` at `point`, to processes that run `within` only."""

    def __init__(self, directory):
        if os.geteuid() != 0 or not Path("/dev/fuse").exists():
            pytest.skip("needs root and /dev/fuse")
        for name in PROGRAMS:
            if shutil.which(name) is None:
                pytest.skip(f"{name} is not installed")
        self.content, self.point = directory / "content", directory / "mount"
        self.content.mkdir()
        self.point.mkdir()
        # Its own first process, so that its table of mounts is the host's for what runs within.
        apart = ("--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private")
        self._unshare = subprocess.Popen(
            ["unshare", *apart, "--kill-child", "bindfs", "-f", str(self.content), str(self.point)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._server = self._wait_for_server()
        self.within = ("nsenter", "--target", str(self._server), "--mount", "--pid", "--")

    def _wait_for_server(self):
        children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children")
        for _ in range(200):
            if self._unshare.poll() is not None:
                pytest.skip(f"no mounts apart: {self._unshare.stderr.read().decode()}")
            for child in children.read_text().split():
                if f" {self.point} " in Path(f"/proc/{child}/mountinfo").read_text():
                    return int(child)
            time.sleep(0.05)
        self._unshare.kill()
        return pytest.skip("bindfs mounts nothing")

    def hang(self):
        os.kill(self._server, signal.SIGSTOP)
        time.sleep(1.1)  # The kernel answers by itself what it has just been told.

    def go_on(self):
        os.kill(self._server, signal.SIGCONT)

    def end(self):
        """End the server; with it all that runs within, and what waits for it."""
        if self._unshare.poll() is None:
            os.kill(self._server, signal.SIGKILL)
        self._unshare.communicate(timeout=10)
