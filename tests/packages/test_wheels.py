"""Wheels: what indexes and installers read of them."""

import os
import subprocess
import tarfile
import zipfile
from email import message_from_bytes

import pytest

from tests.packages.conftest import PROJECT, UV

NAMES = ("vmfit_agent", "vmfit_comparator", "vmfit_nova", "vmfit_proto")


@pytest.mark.parametrize("name", NAMES)
def test_metadata(wheels, name):
    with zipfile.ZipFile(next(wheels.glob(f"{name}-*.whl"))) as wheel:
        place = next(path for path in wheel.namelist() if path.endswith("/METADATA"))
        metadata = message_from_bytes(wheel.read(place))
        licence = wheel.read(f"{place.rpartition('/')[0]}/licenses/LICENSE")
        names = wheel.namelist()
    assert licence == (PROJECT / "LICENSE").read_bytes()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert f"# {name.replace('_', '-')}" in metadata.get_payload()
    assert not [path for path in names if "test" in path.split("/")]


@pytest.mark.parametrize("name", NAMES)
def test_sdist_builds_by_itself(wheels, name):
    with tarfile.open(next(wheels.glob(f"{name}-*.tar.gz"))) as archive:
        names = {path.partition("/")[2] for path in archive.getnames()}
        assert all(not member.issym() for member in archive.getmembers())
    assert names >= {"LICENSE", "README.md", "pyproject.toml"}


def test_tools_can_be_installed(wheels, tmp_path):
    places = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    environment = {**os.environ, **places}
    for name, command in (("vmfit-comparator", "vmfit"), ("vmfit-agent", "vmfit-agent")):
        subprocess.run(
            [UV, "tool", "install", "--quiet", "--find-links", wheels, name],
            cwd=tmp_path, env=environment, check=True,
        )  # fmt: skip
        ended = subprocess.run(
            [tmp_path / "bin" / command, "--version"], capture_output=True, text=True, check=True
        )
        assert ended.stdout == f"{command}, version 0.1.0\n"
    listed = subprocess.run(
        [tmp_path / "bin/vmfit", "facts"], capture_output=True, text=True, check=True
    )
    assert "net.bridge" in listed.stdout
