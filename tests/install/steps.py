"""The commands of docs/install.md, in their order: what stands there is what is run."""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parents[2] / "docs/install.md"
_HEADING = re.compile(r"^#{2,3} (.+)$")
_WHERE = re.compile(r"^# (?:on|in) (.+)$")


class Step(NamedTuple):
    """A block of commands."""

    section: str
    where: str
    """Who runs it, as the first line says: "every host", "the comparator"."""
    commands: str


HERE = "a checkout"


def section_steps(section: str) -> list[Step]:
    """Return the blocks of a section, which must be there."""
    found = [step for step in steps() if step.section == section]
    assert found, f"{DOCUMENT} has no commands in {section!r}"
    return found


def follow_here(section: str, **environment: str) -> list[Step]:
    """Run what a section has run in a checkout, in this one; return what was run."""
    found = section_steps(section)
    for step in found:
        assert step.where == HERE
        subprocess.run(
            ["bash", "-euc", step.commands],
            cwd=DOCUMENT.parents[1], env={**os.environ, **environment}, check=True, timeout=900,
        )  # fmt: skip
    return found


def steps(document: Path = DOCUMENT) -> list[Step]:
    """Return all blocks of commands; raises ValueError for one that does not say where it runs."""
    found, section, block = [], "", None
    for line in document.read_text().splitlines():
        if block is not None:
            if line == "```":
                found.append(_step(section, block))
                block = None
            else:
                block.append(line)
        elif line == "```sh":
            block = []
        elif heading := _HEADING.match(line):
            section = heading[1]
    return found


def _step(section: str, block: list[str]) -> Step:
    where = _WHERE.match(block[0]) if block else None
    if where is None:
        raise ValueError(f"{section}: the first line of a block says where it runs: # on ...")
    return Step(section, where[1], "\n".join(block[1:]) + "\n")
