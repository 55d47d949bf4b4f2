"""The packages and wheels, built once for all tests of this directory."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
UV = os.environ.get("UV") or shutil.which("uv")
NAMES = ("vmfit-agent", "vmfit-comparator")


def build(directory, release, *names):
    words = ["--output", directory, "--release", release]
    words += [word for name in names for word in ("--package", name)]
    subprocess.run(
        [sys.executable, "packaging/linux/build.py", *words],
        cwd=PROJECT,
        env={**os.environ, "UV": UV or "uv"},
        check=True,
    )
    return directory


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    if UV is None or not shutil.which("dpkg-deb"):
        pytest.skip("uv and dpkg-deb build packages")
    return build(tmp_path_factory.mktemp("packages"), "7")


@pytest.fixture(scope="session")
def unpacked(packages, tmp_path_factory):
    """The files of each deb, and its control files in DEBIAN."""
    root = tmp_path_factory.mktemp("unpacked")
    for name in NAMES:
        deb = next(packages.glob(f"{name}_*.deb"))
        subprocess.run(["dpkg-deb", "--raw-extract", deb, root / name], check=True)
    return root


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    if UV is None:
        pytest.skip("uv builds wheels")
    directory = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [UV, "build", "--quiet", "--all-packages", "--out-dir", directory], cwd=PROJECT, check=True
    )
    return directory
