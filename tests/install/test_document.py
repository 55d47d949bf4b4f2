"""docs/install.md as it stands, without running it."""

import re
from pathlib import Path

from tests.install.steps import DOCUMENT, HERE, steps

DOCS = DOCUMENT.parent


def test_every_block_of_commands_says_where_it_is_run():
    assert {step.where for step in steps()} == {"every host", "the comparator", HERE}


def test_what_it_leads_to_exists():
    text = DOCUMENT.read_text()
    paths = re.findall(r"`((?:packaging|systemd)/[^`]*)`", text)
    assert [path for path in paths if not (DOCS.parent / path).exists()] == []
    links = re.findall(r"\]\(([a-z]*\.md)?#([a-z-]+)\)", text)
    assert len(links) > 2
    assert [
        link for link in links if link[1] not in anchors(DOCS / (link[0] or DOCUMENT.name))
    ] == []


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", document.read_text())
    return {each.lower().replace(" ", "-") for each in headings}
