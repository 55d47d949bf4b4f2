"""The linters are tests: what they refuse does not pass."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def run(*words):
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("ruff", "format", "--check", "."),
        ("ruff", "check", "."),
        ("mypy",),
        ("lint-imports",),
    ],
    ids=" ".join,
)
def test_linter(words):
    run(BIN / words[0], *words[1:])


def test_shell_scripts():
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    scripts = [*ROOT.glob("packaging/dev/*.sh"), *ROOT.glob("tests/hosts/*.sh"), ROOT / ".ci/run"]
    run(shellcheck, "--severity=warning", *scripts)


def test_lock_file_is_current():
    uv = shutil.which("uv") or str(ROOT / ".tools/bin/uv")
    run(uv, "lock", "--check", "--offline")


def test_distributions_have_one_version():
    versions = {
        line
        for member in ("proto", "agent", "comparator")
        for line in (ROOT / member / "pyproject.toml").read_text().splitlines()
        if line.startswith("version = ")
    }
    assert len(versions) == 1
