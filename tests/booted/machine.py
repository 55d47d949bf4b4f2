"""A machine of its own: systemd, booted in a container over an overlay of this machine's files.

Nothing that happens in it reaches this machine: what it writes goes to memory, its network is its
own. The project's packages, their dependencies and an interpreter are below /usr/lib/vmfit there.
Needs root, systemd-nspawn and an overlay file system.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Self

PROJECT = Path(__file__).parents[2]
PACKAGES = (
    "agent/vmfit_agent",
    "comparator/vmfit_comparator",
    "proto/vmfit",
    "proto/vmfit_contract",
)
HOME = Path("usr/lib/vmfit")
_TARGET = """[Unit]
Description=What is up when the machine is
Requires=basic.target dbus.service
After=basic.target dbus.service
AllowIsolate=yes
"""
_PROGRAM = """#!/usr/lib/vmfit/bin/python3
from {package}.cli import main
main()
"""
_BOOT_SECONDS = 60


def why_not() -> str:
    """Return why no machine can be booted here; empty when one can."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("systemd-nspawn", "nsenter", "mount"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlay file system"
    return ""


class Machine:
    """A booted machine; `run` runs commands in it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.root = directory / "root"
        self._name = f"vmfit-{os.getpid()}"

    def __enter__(self) -> Self:
        memory = self._directory
        _do("mount", "-t", "tmpfs", "-o", "mode=755,size=1g", "tmpfs", str(memory))
        try:
            for name in ("upper", "work", "root"):
                (memory / name).mkdir()
            options = f"lowerdir=/,upperdir={memory}/upper,workdir={memory}/work"
            _do("mount", "-t", "overlay", "-o", options, "overlay", str(self.root))
            self._install()
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        return subprocess.run(inside, capture_output=True, text=True, check=False, timeout=seconds)

    def command(self, *command: str) -> list[str]:
        """Return the command that runs another one as root in the machine."""
        enter = ["nsenter", "-t", str(self._leader), "-a", "-r", "-w", "env", "-i"]
        return [*enter, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *command]

    def python(self, program: str, *arguments: str, user: str) -> list[str]:
        """Return the command that runs a Python program in the machine as a user."""
        become = ["runuser", "-u", user, "--"]
        return self.command(*become, f"/{HOME}/bin/python3", "-c", program, *arguments)

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

    def _install(self) -> None:
        home = self.root / HOME
        for package in PACKAGES:
            name = package.rpartition("/")[2]
            shutil.copytree(PROJECT / package, home / "project" / name)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        site = home / "lib" / version / "site-packages"
        site.mkdir(parents=True)
        # In this order, and without what the dependencies' own .pth files name.
        (site / "vmfit.pth").write_text(f"/{HOME}/project\n/{HOME}/dependencies\n")
        for name in ("bin", "dependencies", "interpreter"):
            (home / name).mkdir()
        (home / "pyvenv.cfg").write_text(f"home = /{HOME}/interpreter/bin\n")
        (home / "bin/python3").symlink_to(f"/{HOME}/interpreter/bin/{version}")
        self._install_interpreters_library()
        for program, package in (("vmfit-agent", "vmfit_agent"), ("vmfit", "vmfit_comparator")):
            path = self.root / "usr/bin" / program
            path.write_text(_PROGRAM.format(package=package))
            path.chmod(0o755)
        for source, place in (
            ("*.service", "systemd/system"), ("*.socket", "systemd/system"),
            ("*.target", "systemd/system"), ("sysusers.d/*", "sysusers.d"),
        ):  # fmt: skip
            for unit in (PROJECT / "systemd").glob(source):
                shutil.copy(unit, self.root / "usr/lib" / place)
        (self.root / "usr/lib/systemd/system/vmfit-booted.target").write_text(_TARGET)
        shutil.rmtree(self.root / "etc/vmfit", ignore_errors=True)
        users = sorted((PROJECT / "systemd/sysusers.d").iterdir())
        _do("systemd-sysusers", f"--root={self.root}", *map(str, users))

    def _install_interpreters_library(self) -> None:
        """Have the interpreter find its own library, not the one of the system's Python."""
        library = Path(sys.base_prefix, "lib", str(sysconfig.get_config_var("INSTSONAME")))
        if library.suffix == ".a" or not library.exists():
            return
        shutil.copy(library, self.root / HOME / "lib")
        (self.root / "etc/ld.so.conf.d/000-vmfit.conf").write_text(f"/{HOME}/lib\n")
        _do("ldconfig", "-r", str(self.root))

    def _boot(self) -> None:
        self._log = (self._directory / "console").open("wb")
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        # Where systemd itself runs this machine, it gives the container a scope.
        keep = [] if Path("/run/systemd/system").exists() else ["--keep-unit"]
        self._container = subprocess.Popen(
            [
                "systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self._name}",
                "--register=no", *keep, "--private-network", "--capability=all", "--boot",
                "--link-journal=no", "--console=pipe",
                f"--bind-ro={sys.base_prefix}:/{HOME}/interpreter",
                f"--bind-ro={sysconfig.get_path('purelib')}:/{HOME}/dependencies",
                *(f"--bind={path}" for path in ("/dev/kvm", "/dev/cpu") if Path(path).exists()),
                "systemd.unit=vmfit-booted.target",
            ],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=environment,
        )  # fmt: skip
        give_up_at = time.monotonic() + _BOOT_SECONDS
        while not self._is_up():
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
        return self.try_run("systemctl", "is-active", "vmfit-booted.target").stdout == "active\n"


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
