"""Files to begin with: the project's own, and those of a corpus beside it when there is one."""

import os
from pathlib import Path

TESTS = Path(__file__).parents[1]
CORPUS = Path(os.environ.get("VMFIT_CORPUS", TESTS.parent / "../shared/corpus"))
HOSTS = TESTS / "hosts"
MOST = 150
"""Of each kind; every run begins with all of them."""


def files(*patterns, directories=(TESTS,)):
    """Yield the content of files whose paths match, evenly chosen where there are many."""
    paths = sorted(
        path
        for directory in directories
        for pattern in patterns
        for path in directory.glob(pattern)
        if path.is_file()
    )
    for path in paths[:: len(paths) // MOST + 1]:
        yield path.read_bytes()
