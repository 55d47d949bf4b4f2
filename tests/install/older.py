"""The package before this one: the same files under an older version."""

import re
import subprocess
from pathlib import Path

OLDER = "0.0.9-1"


def older(package: Path, directory: Path) -> Path:
    """Make an older deb of one, in a directory; return its path."""
    name = package.name.partition("_")[0]
    tree = directory / name
    _do("dpkg-deb", "--raw-extract", str(package), str(tree))
    control = tree / "DEBIAN/control"
    text, count = re.subn(r"(?m)^Version: .*$", f"Version: {OLDER}", control.read_text())
    assert count == 1
    control.write_text(text)
    made = directory / f"{name}_{OLDER}_amd64.deb"
    # Not compressed: it is for one machine, and soon.
    _do("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(made))
    return made


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
