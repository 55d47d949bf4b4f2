"""The findings over all rows are those that were reviewed."""

import difflib

import pytest

from tests.comparator.golden import FOLDER, documents

DOCUMENTS = documents()
_SHOWN_LINES = 60


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_findings_are_those_reviewed(path):
    reviewed = (FOLDER / path).read_text().splitlines()
    lines = difflib.unified_diff(reviewed, DOCUMENTS[path].splitlines(), lineterm="", n=1)
    changes = "\n".join(list(lines)[:_SHOWN_LINES])
    assert not changes, f"{path} changed; `make golden` writes it:\n{changes}"


def test_no_file_is_left_over():
    files = {each.relative_to(FOLDER) for each in FOLDER.glob("[ef][iv]*/*.txt")}
    assert files == set(DOCUMENTS)
