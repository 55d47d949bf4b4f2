"""The packages that a site upgrades from: those of an older revision, with the store of then."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.install import debian

PROJECT = Path(__file__).parents[2]
REVISION = "361a08f"
"""What is built where the project's history is at hand: its store keeps no past of hosts."""
# It sorts before what is built now, of the same version.
_RELEASE = "0"
_VERSION = "0.0.9-1"
_FOR_RELEASE = "packaging/linux/for_release.sh"


def why_same() -> str:
    """Return why the older packages can have today's files only; empty when they are of then."""
    if shutil.which("git") is None:
        return "git is not installed: no packages of an older revision"
    words = ["git", "-C", str(PROJECT), "cat-file", "-e", f"{REVISION}^{{commit}}"]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        return f"this checkout's history does not hold {REVISION}: no packages of then"
    return ""


def older_packages(packages: Mapping[str, Path], directory: Path) -> dict[str, Path]:
    """Return an older deb of each package, by its name, made in a directory.

    Without the history these are the same files under an older version.
    """
    if why_same():
        return {name: _renamed(path, directory) for name, path in packages.items()}
    tree = directory / "tree"
    tree.mkdir()
    archive = subprocess.run(
        ["git", "-C", str(PROJECT), "archive", REVISION], check=True, capture_output=True
    )
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
    made = _built(tree, directory / "built")
    shutil.rmtree(tree)
    return {path.name.partition("_")[0]: path for path in made.glob("*.deb")}


def _built(tree: Path, output: Path) -> Path:
    """Build the packages of a tree; return where they are."""
    uv = shutil.which("uv") or str(PROJECT / ".tools/bin/uv")
    # Not this checkout's environment.
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if debian.RELEASE != debian.OWN:
        # As it is now: the older revision may not have it.
        shutil.copy(PROJECT / _FOR_RELEASE, tree / _FOR_RELEASE)
        _do_in(tree, kept, str(tree / _FOR_RELEASE), debian.RELEASE, "--release", _RELEASE)
        return Path(shutil.move(tree / f"dist/packages-{debian.RELEASE}", output))
    build = ("packaging/linux/build.py", "--output", str(output), "--release", _RELEASE)
    _do_in(tree, kept, uv, "sync", "--quiet", "--locked")
    _do_in(tree, {**kept, "UV": uv}, uv, "run", "--no-sync", "python", *build)
    return output


def _do_in(tree: Path, environment: Mapping[str, str], *words: str) -> None:
    subprocess.run(words, cwd=tree, env=environment, check=True, timeout=1200)


def _renamed(package: Path, directory: Path) -> Path:
    name = package.name.partition("_")[0]
    tree = directory / name
    _do("dpkg-deb", "--raw-extract", str(package), str(tree))
    control = tree / "DEBIAN/control"
    text, count = re.subn(r"(?m)^Version: .*$", f"Version: {_VERSION}", control.read_text())
    assert count == 1
    control.write_text(text)
    made = directory / f"{name}_{_VERSION}_amd64.deb"
    # Not compressed: it is for one machine, and soon.
    _do("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(made))
    return made


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
