"""A machine that systemd boots in a container, over an overlay of a directory's files.

What it writes goes to memory, and is forgotten with it. Needs root, systemd-nspawn and an overlay
file system.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

_BOOT_SECONDS = 90
# What is active when a machine is up by default; "degraded" is up, too.
_UP = ("running", "degraded")
# How systemd-nspawn ends when what it ran wants to be started again.
_REBOOTED = 133


def why_not() -> str:
    """Return why no machine can be booted here; empty when one can."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("systemd-nspawn", "nsenter", "mount"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlay file system"
    return ""


class Container:
    """A booted machine; `run` runs commands in it."""

    lower = Path("/")
    """The files that it begins with."""
    target = ""
    """The target to boot to; empty for the machine's default."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self.root = directory / "root"
        self._name = name
        # Where systemd itself runs this machine, it gives the container a scope.
        self._keep = [] if Path("/run/systemd/system").exists() else ["--keep-unit"]

    def __enter__(self) -> Self:
        memory = self._directory
        _do("mount", "-t", "tmpfs", "-o", "mode=755,size=2g", "tmpfs", str(memory))
        try:
            for name in ("upper", "work", "root"):
                (memory / name).mkdir()
            options = f"lowerdir={self.lower},upperdir={memory}/upper,workdir={memory}/work"
            _do("mount", "-t", "overlay", "-o", options, "overlay", str(self.root))
            self.install()
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def install(self) -> None:
        """Put files below `root` before the machine is booted."""

    def options(self) -> list[str]:
        """Return more options for systemd-nspawn."""
        return ["--private-network"]

    def close(self) -> None:
        """Halt the machine and forget what it wrote."""
        container = getattr(self, "_container", None)
        if container is not None and container.poll() is None:
            # SIGTERM has the machine shut down, a second one halts it at once.
            container.terminate()
            try:
                container.wait(20)
            except subprocess.TimeoutExpired:
                container.kill()
                container.wait()
        for place in (self.root, self._directory):
            subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)

    def run(self, *command: str, seconds: float = 60) -> str:
        """Run a command as root in the machine; return what it printed."""
        done = self.try_run(*command, seconds=seconds)
        if done.returncode != 0:
            raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def try_run(self, *command: str, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a command as root in the machine, whatever becomes of it."""
        inside = self.command(*command)
        return subprocess.run(
            inside, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=seconds,
        )  # fmt: skip

    def command(self, *command: str) -> list[str]:
        """Return the command that runs another one as root in the machine."""
        enter = ["nsenter", "-t", str(self._leader), "-a", "-r", "-w", "env", "-i", "HOME=/root"]
        return [*enter, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *command]

    def write(self, path: str, text: str) -> None:
        """Write a file in the machine."""
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "sh", path, text)

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Return properties of a unit as systemd has them."""
        options = [f"--property={each}" for each in properties]
        lines = self.run("systemctl", "show", unit, *options).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def log(self, unit: str) -> str:
        """Return what a unit has logged since the machine was booted."""
        return self.run("journalctl", "-q", "-b", "-o", "cat", "-u", unit)

    def reboot(self) -> None:
        """Reboot; return when the machine is up again."""
        before = self._leader
        self.try_run("systemctl", "reboot")
        if self._keep:
            # It is for the unit to start it again then.
            assert self._container.wait(_BOOT_SECONDS) == _REBOOTED
            self._boot()
        else:
            self._await_up(lambda: self._leader != before)

    def _boot(self) -> None:
        self._log = (self._directory / "console").open("ab")
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        self._container = subprocess.Popen(
            [
                "systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self._name}",
                "--register=no", *self._keep, *self.options(), "--capability=all", "--boot",
                "--link-journal=no", "--console=pipe",
                *(f"--bind={path}" for path in ("/dev/kvm", "/dev/cpu") if Path(path).exists()),
                *([f"systemd.unit={self.target}"] if self.target else []),
            ],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=environment,
        )  # fmt: skip
        self._await_up(lambda: True)

    def _await_up(self, also: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + _BOOT_SECONDS
        while not (self._is_up() and also()):
            if time.monotonic() > give_up_at or self._container.poll() is not None:
                raise RuntimeError(
                    (self._directory / "console").read_text(errors="replace")[-2000:]
                )
            time.sleep(0.2)

    def _is_up(self) -> bool:
        pid = self._container.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            return False
        self._leader = int(children[-1])
        if self.target:
            return self.try_run("systemctl", "is-active", self.target).stdout == "active\n"
        return self.try_run("systemctl", "is-system-running").stdout.strip() in _UP


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
