"""Builds the packages of the agent and of the comparator: deb and rpm, from the locked versions.

Each holds a private environment below /usr/lib, so that the distribution's own Python packages do
not matter. Only the interpreter is the distribution's: the packages are for that version of Python.
"""

import argparse
import os
import shutil
import stat
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from string import Template

PROJECT = Path(__file__).resolve().parents[2]
RECIPES = Path(__file__).resolve().parent
# Where "uv run" has found it.
UV = os.environ.get("UV", "uv")
FORMATS = ("deb", "rpm")


@dataclass(frozen=True, slots=True)
class Package:
    """One distribution as a package."""

    name: str
    command: str
    extras: tuple[str, ...]
    enabled: tuple[str, ...]
    """The units that start at boot."""
    services: tuple[str, ...]
    """Those that an upgrade starts again."""
    state: str
    """What only a purge removes."""
    optional: tuple[str, ...] = ()
    """The units that start only where somebody has enabled them."""

    @property
    def module(self) -> str:
        """The importable package, as the wheel is called."""
        return self.name.replace("-", "_")


PACKAGES = (
    Package(
        name="vmfit-agent",
        command="vmfit-agent",
        extras=("libvirt",),
        enabled=(
            "vmfit-collect.socket",
            "vmfit-collect.service",
            "vmfit-probe.socket",
            "vmfit-agent.service",
        ),
        services=(
            "vmfit-probe.service",
            "vmfit-prepare.service",
            "vmfit-collect.service",
            "vmfit-agent.service",
        ),
        state="/etc/vmfit/attributes.d /var/lib/vmfit-prepare",
        optional=("vmfit-prepare.socket",),
    ),
    Package(
        name="vmfit-comparator",
        command="vmfit",
        extras=("postgresql", "tracing"),
        enabled=("vmfit-comparator.service",),
        services=("vmfit-comparator.service",),
        state="/var/lib/vmfit",
    ),
)


def main() -> None:
    """Build what the command line asks for, and name the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PROJECT / "dist" / "packages")
    parser.add_argument("--release", default="1", help="the packages' release")
    parser.add_argument("--python", default="/usr/bin/python3", help="for which interpreter")
    parser.add_argument("--package", action="append", choices=[each.name for each in PACKAGES])
    options = parser.parse_args()
    os.umask(0o022)
    output: Path = options.output.resolve()
    stage = output / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    wheels = stage / "wheels"
    run(UV, "build", "--quiet", "--all-packages", "--wheel", "--out-dir", str(wheels))
    for package in PACKAGES:
        if options.package and package.name not in options.package:
            continue
        root = stage / package.name
        install(package, root, wheels, options.python)
        document(package, root)
        write_scripts(package, root)
        for kind in FORMATS:
            pack(package, root, kind, output, options)
    shutil.rmtree(stage)
    print(*sorted(output.glob(f"*[-_]{options.release}[._]*")), sep="\n")


def install(package: Package, root: Path, wheels: Path, python: str) -> None:
    """Make the private environment below the root, with the versions of the lock file."""
    environment = root / "environment"
    # Named with its version: another one as python3 must not take its place.
    interpreter = str(Path(python).resolve())
    run(UV, "venv", "--quiet", "--python", interpreter, str(environment))
    extras = [word for extra in package.extras for word in ("--extra", extra)]
    locked = read(
        *(UV, "export", "--quiet", "--frozen", "--no-dev", "--no-emit-workspace", "--no-hashes"),
        *("--package", package.name, *extras),
    )
    requirements = root.parent / f"{package.name}.txt"
    requirements.write_text(locked)
    own = [str(next(wheels.glob(f"{name}-*.whl"))) for name in ("vmfit_proto", package.module)]
    python = str(environment / "bin/python")
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to(interpreter)
    run(
        *(UV, "pip", "install", "--quiet", "--link-mode", "copy", "--python", python),
        *("-r", str(requirements), *own),
    )
    place = f"/usr/lib/{package.name}"
    shrink(environment, package)
    (environment / "bin" / package.command).write_text(
        f"#!{place}/bin/python3 -I\nfrom {package.module}.cli import main\nmain()\n"
    )
    # Modules are compiled for their place, and not looked at for changes: nobody may write there.
    run(
        *(python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(environment), "-p", place, str(environment / "lib")),
    )


def shrink(environment: Path, package: Package) -> None:
    """Remove what names the place of building or serves development only."""
    for path in (environment / "bin").iterdir():
        if path.name != package.command and not path.name.startswith("python"):
            path.unlink()
    for name in (".lock", ".gitignore", "CACHEDIR.TAG"):
        (environment / name).unlink(missing_ok=True)
    for pattern in ("direct_url.json", "uv_cache.json", "RECORD", "REQUESTED", "INSTALLER"):
        for path in environment.glob(f"lib/*/site-packages/*.dist-info/{pattern}"):
            path.unlink()
    for library in environment.rglob("*.so*"):
        library.chmod(stat.S_IMODE(library.stat().st_mode) & ~0o111)


def document(package: Package, root: Path) -> None:
    """Write man pages and completions from the table of commands, and the changes."""
    writer = ("python", "-m", "vmfit_contract.command_line")
    run(UV, "run", "--no-sync", *writer, str(root), f"{package.module}.cli")
    run("gzip", "-9n", *map(str, (root / "man1").iterdir()))
    shutil.copy(PROJECT / "CHANGELOG.md", root / "changelog")
    run("gzip", "-9n", str(root / "changelog"))


def write_scripts(package: Package, root: Path) -> None:
    """Write what runs before and after the files come and go."""
    words = {
        "@NAME@": package.name,
        "@ENABLED@": " ".join(package.enabled),
        "@SERVICES@": " ".join(package.services),
        "@UNITS@": " ".join(
            dict.fromkeys((*package.enabled, *package.services, *package.optional))
        ),
        "@STATE@": package.state,
    }
    for script in (RECIPES / "scripts").iterdir():
        text = script.read_text()
        for word, value in words.items():
            text = text.replace(word, value)
        (root / script.name).write_text(text)


def pack(
    package: Package, root: Path, kind: str, output: Path, options: argparse.Namespace
) -> None:
    """Let nfpm make one package of the staged root and its recipe."""
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    python = read(str(root / "environment/bin/python"), "-c", _VERSION)
    words = {
        "ROOT": str(root),
        "VERSION": version,
        "RELEASE": options.release,
        "ARCHITECTURE": read("dpkg", "--print-architecture").strip(),
        "PYTHON": python.strip(),
    }
    recipe = root / "recipe.yaml"
    recipe.write_text(Template((RECIPES / f"{package.name}.yaml").read_text()).substitute(words))
    nfpm = (UV, "run", "--no-sync", "nfpm", "package", "--config", str(recipe))
    run(*nfpm, "--packager", kind, "--target", str(output))


_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def run(*words: str) -> None:
    """Run a program in the project's directory; its failure ends this one."""
    if subprocess.run(words, cwd=PROJECT, stdout=sys.stderr, check=False).returncode:
        sys.exit(f"packages: {' '.join(words[:4])} failed")


def read(*words: str) -> str:
    """Return what a program prints; its failure ends this one."""
    ended = subprocess.run(words, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        sys.exit(f"packages: {' '.join(words[:4])} failed")
    return ended.stdout


if __name__ == "__main__":
    main()
