"""The generated documents are up to date, and the contract passes its linter."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vmfit_comparator.engine import Engine
from vmfit_comparator.render.catalogue import catalogue_markdown

ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).with_name("buf")


def test_facts_are_documented():
    with Engine() as engine:
        expected = catalogue_markdown(engine.list_facts().facts)
    stale = "run `uv run vmfit facts --markdown > docs/facts.md`"
    assert (ROOT / "docs" / "facts.md").read_text() == expected, stale


def test_every_fact_has_a_rule_and_a_source():
    with Engine() as engine:
        facts = engine.list_facts().facts
    assert [each.id for each in facts if "Source:" not in each.description] == []
    assert [each.id for each in facts if not each.question.endswith("?")] == []


def test_the_snapshot_is_documented():
    spec = importlib.util.spec_from_file_location("snapshot_docs", ROOT / "proto/snapshot_docs.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    sys.modules["snapshot_docs"] = generator
    try:
        spec.loader.exec_module(generator)
        expected = generator.document(generator.build(ROOT / "proto"))
    finally:
        del sys.modules["snapshot_docs"]
    stale = "run `uv run python proto/snapshot_docs.py`"
    assert (ROOT / "docs" / "snapshot.md").read_text() == expected, stale
    assert "| `mtu_bytes` | uint32, bytes |  |  |  | /sys/class/net/*/mtu |" in expected


def test_the_services_are_documented(tmp_path):
    written = tmp_path / "api.md"
    subprocess.run([sys.executable, ROOT / "proto/api_docs.py", written], check=True)
    stale = "run `uv run python proto/api_docs.py`"
    assert (ROOT / "docs" / "api.md").read_text() == written.read_text(), stale
    assert "`Rank` ([RankRequest](#rankrequest))" in written.read_text()


def buf(*arguments):
    return subprocess.run(
        [BUF, *arguments], cwd=ROOT / "proto", capture_output=True, text=True, check=False
    )


def test_buf_lint():
    result = buf("lint")
    assert result.returncode == 0, result.stdout


def test_buf_breaking():
    """Against the last tag or, without one, the last commit."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    git = ["git", "-C", str(ROOT)]
    inside = subprocess.run(
        [*git, "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=False
    )
    if inside.returncode or Path(inside.stdout.strip()) != ROOT:
        pytest.skip("not a git work tree")
    tag = subprocess.run(
        [*git, "describe", "--tags", "--abbrev=0"], capture_output=True, text=True, check=False
    )
    reference = f"tag={tag.stdout.strip()}" if tag.returncode == 0 else "ref=HEAD"
    result = buf("breaking", "--against", f"{ROOT / '.git'}#{reference},subdir=proto")
    assert result.returncode == 0, result.stdout + result.stderr
