"""This machine's files, with the project installed, booted in a container.

The project's packages, their dependencies and an interpreter are below /usr/lib/vmfit there.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.booted import container

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


def why_not() -> str:
    """Return why no machine can be booted here; empty when one can."""
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed"
    return container.why_not()


class Machine(container.Container):
    """A machine as this one, with the units as they are shipped."""

    target = "vmfit-booted.target"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, f"vmfit-{os.getpid()}")

    def options(self) -> list[str]:
        """Share the interpreter and the dependencies with this machine."""
        return [
            *super().options(),
            f"--bind-ro={sys.base_prefix}:/{HOME}/interpreter",
            f"--bind-ro={sysconfig.get_path('purelib')}:/{HOME}/dependencies",
        ]

    def python(self, program: str, *arguments: str, user: str) -> list[str]:
        """Return the command that runs a Python program in the machine as a user."""
        become = ["runuser", "-u", user, "--"]
        return self.command(*become, f"/{HOME}/bin/python3", "-c", program, *arguments)

    def install(self) -> None:
        """Install the project and its units."""
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
        self._install_units()

    def _install_units(self) -> None:
        for source, place in (
            ("*.service", "systemd/system"), ("*.socket", "systemd/system"),
            ("*.target", "systemd/system"), ("sysusers.d/*", "sysusers.d"),
        ):  # fmt: skip
            for unit in (PROJECT / "systemd").glob(source):
                shutil.copy(unit, self.root / "usr/lib" / place)
        (self.root / "usr/lib/systemd/system" / self.target).write_text(_TARGET)
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


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
