"""Fixtures for tests of the agent."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from vmfit_agent.host import Host

_PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Recorded hosts from outside the project; the test is skipped where there are none."""
    path = Path(os.environ.get("VMFIT_CORPUS", "../shared/corpus"))
    path = path if path.is_absolute() else (_PROJECT / path).resolve()
    if not path.is_dir():
        pytest.skip(f"no corpus at {path} (VMFIT_CORPUS)")
    return path


@pytest.fixture(scope="session")
def corpus_host(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Host]:
    """Unpack a recorded host's files, once in a session; a new Host at each call."""
    unpacked: dict[str, Path] = {}

    def host(name: str) -> Host:
        if name not in unpacked:
            root = tmp_path_factory.mktemp("host")
            with tarfile.open(corpus / "hosts" / name / "tree.tar.xz") as archive:
                # Links inside lead out of the tree, as those of /sys do on a live host.
                archive.extractall(root, filter="fully_trusted")
            unpacked[name] = root
        return Host(unpacked[name])

    return host


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, str]], Host]:
    """Make a host of a few files: texts by path below the root."""

    def host(files: dict[str, str]) -> Host:
        for path, text in files.items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return Host(tmp_path)

    return host
