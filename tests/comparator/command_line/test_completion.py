"""What a shell offers, asked as shells ask, and what packages install beside the program."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vmfit_agent import cli as agent_cli
from vmfit_comparator import cli
from vmfit_comparator.facts import BUILT_IN
from vmfit_contract.command_line.__main__ import write_installed_files

VMFIT = Path(sys.executable).with_name("vmfit")
MODULES = ("vmfit_comparator.cli", "vmfit_agent.cli")
SETTINGS = """
policies = ["site.yaml", "gone.yaml"]
[hosts.alpha]
address = "unix:/a"
[hosts.alpine]
address = "unix:/b"
[hosts.beta]
address = "unix:/c"
"""


@pytest.fixture
def offered(files, monkeypatch, capsys):
    """Return what a shell is offered for a line whose last word is not complete."""
    Path("c.toml").write_text(SETTINGS)
    Path("site.yaml").write_text("name: careful\n")
    monkeypatch.setenv("VMFIT_CONFIG", "c.toml")

    def offered(line):
        monkeypatch.setenv("_VMFIT_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        assert cli.run([]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return [each.partition(",")[2] for each in captured.out.split()]

    return offered


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vmfit ch", ["check"]),
        ("vmfit check web --from al", ["al", "alpha", "alpine"]),
        ("vmfit check web --to b", ["b", "beta"]),
        ("vmfit diff alpha be", ["be", "beta"]),
        ("vmfit baseline alpha alpi", ["alpi", "alpine"]),
        ("vmfit check web --fact cpu.ven", ["cpu.vendor"]),
        ("vmfit facts num", ["numa.*", *(each for each in BUILT_IN if each.startswith("numa."))]),
        ("vmfit check web --policy c", ["c", "conservative", "careful"]),
        ("vmfit diff a b --part memo", ["memory"]),
        ("vmfit check web -- --copy-storage-a", ["--copy-storage-a", "--copy-storage-all"]),
        ("vmfit check --from alpha -- --un", ["--un", "--undefinesource", "--unsafe"]),
        ("vmfit completion z", ["zsh"]),
        ("vmfit chekc --fr", []),
    ],
)
def test_words(offered, line, words):
    assert offered(line) == words


def test_settings_that_cannot_be_used_offer_no_hosts(offered):
    Path("c.toml").write_text("nonsense")
    assert offered("vmfit diff al") == ["al"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_what_the_shell_can_read(files, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = subprocess.run(
        [VMFIT, "completion", shell], capture_output=True, text=True, check=True
    )
    result = subprocess.run(
        [shell, "-n"], input=script.stdout, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_bash_completes(files):
    line = "COMP_WORDS=(vmfit base); COMP_CWORD=1; _vmfit_completion vmfit; echo ${COMPREPLY[@]}"
    script = f"source <(vmfit completion bash) && {line}"
    environment = {**os.environ, "PATH": f"{VMFIT.parent}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == ("baseline\n", "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vmfit base", ["baseline"]),
        ("vmfit check --from al", ["alpha", "alpha.json", "alpine"]),
        ("vmfit check web -- --copy-storage-a", ["--copy-storage-all"]),
    ],
)
def test_fish_completes(files, line, words):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    Path("c.toml").write_text(SETTINGS)
    script = f"vmfit completion fish | source; complete -C '{line}'"
    path = f"{VMFIT.parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "VMFIT_CONFIG": "c.toml", "HOME": str(files)}
    result = subprocess.run(
        ["fish", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert [each.partition("\t")[0] for each in result.stdout.splitlines()] == words, result.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("installed")
    return [each for module in MODULES for each in write_installed_files(directory, module)]


def test_every_command_has_a_page(installed):
    names = {each.name for each in installed}
    for program, table in (("vmfit", cli.COMMANDS), ("vmfit-agent", agent_cli.COMMANDS)):
        assert {f"{program}.1", *(f"{program}-{each}.1" for each in table)} <= names
    assert {"vmfit-certs-renew.1", "_vmfit", "vmfit-agent.fish"} <= names


def test_pages_say_what_help_says(installed):
    pages = {each.name: each.read_text() for each in installed}
    check = pages["vmfit-check.1"]
    for text in (
        "vmfit\\-check \\- Can a VM move from one host to another?",
        ".nf\nvmfit check web \\-\\-from alpha \\-\\-to beta\n",
        "\\fB\\-\\-fact ID\\fR\nOnly this fact, or area.*",
        "VMFIT_POLICY",
        "/etc/vmfit/comparator.toml",
        "vmfit(1), virsh(1)",
    ):
        assert text in check
    assert "vmfit\\-certs\\-ca(1)" in pages["vmfit-certs.1"]


def test_pages_are_good_roff(installed):
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    pages = [each for each in installed if each.suffix == ".1"]
    assert pages
    command = [groff, "-man", "-ww", "-z", "-Tutf8", *map(str, pages)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
