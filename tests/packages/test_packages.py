"""What the packages hold, and what they do when they come and go."""

import gzip
import re
import shutil
import subprocess
import tomllib

import pytest

from tests.packages.conftest import NAMES, PROJECT

UNITS = {
    "vmfit-agent": {
        path.name for path in (PROJECT / "systemd").iterdir()
        if path.is_file() and "comparator" not in path.name
    },
    "vmfit-comparator": {"vmfit-comparator.service"},
}  # fmt: skip
OPTIONAL = {"vmfit-prepare.socket"}
UNIT = re.compile(r"\bvmfit-[\w-]+\.(?:service|socket)")
COMMANDS = {"vmfit-agent": "vmfit-agent", "vmfit-comparator": "vmfit"}
SETTINGS = {"vmfit-agent": "agent.toml", "vmfit-comparator": "comparator.toml"}


def own_files(name, vendor):
    """Every file of a package but those of its private environment."""
    command = COMMANDS[name]
    completions = {
        "deb": "zsh/vendor-completions",
        "rpm": "zsh/site-functions",
    }[vendor]
    licence = {"deb": f"doc/{name}/copyright", "rpm": f"licenses/{name}/LICENSE"}[vendor]
    return {
        f"etc/vmfit/{SETTINGS[name]}",
        f"usr/bin/{command}",
        *(f"usr/lib/systemd/system/{unit}" for unit in UNITS[name]),
        f"usr/lib/sysusers.d/{name}.conf",
        f"usr/share/bash-completion/completions/{command}",
        f"usr/share/fish/vendor_completions.d/{command}.fish",
        f"usr/share/{completions}/_{command}",
        f"usr/share/doc/{name}/changelog.gz",
        f"usr/share/{licence}",
    }


def split(paths, name):
    """Return the paths of man pages, of the private environment, and the others."""
    inside = {path for path in paths if path.startswith(f"usr/lib/{name}/")}
    pages = {path for path in paths if path.startswith("usr/share/man/")}
    return pages, inside, paths - inside - pages


def assert_pages(pages, name):
    command = COMMANDS[name]
    words = {path.removeprefix("usr/share/man/man1/").removesuffix(".1.gz") for path in pages}
    assert words >= {command, f"{command}-serve", f"{command}-doctor"}
    assert all(word == command or word.startswith(f"{command}-") for word in words)


@pytest.mark.parametrize("name", NAMES)
def test_files_of_the_deb(unpacked, name):
    root = unpacked / name
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and "DEBIAN" not in path.parts
    }
    pages, inside, own = split(found, name)
    assert own == own_files(name, "deb")
    assert_pages(pages, name)
    assert f"usr/lib/{name}/bin/python3" in inside
    assert (root / "usr/bin" / COMMANDS[name]).readlink().parts[:4] == ("/", "usr", "lib", name)


@pytest.mark.parametrize("name", NAMES)
def test_files_of_the_rpm(packages, name):
    if not shutil.which("rpm"):
        pytest.skip("rpm is not installed")
    rpm = next(packages.glob(f"{name}-*.rpm"))
    query = ["rpm", "-qp", "--dbpath", str(packages / "rpmdb")]
    listed = subprocess.run(
        [*query, "--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]", rpm],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    found = {line.split()[1].lstrip("/") for line in listed if not line.startswith("d")}
    pages, inside, own = split(found, name)
    assert own == own_files(name, "rpm")
    assert_pages(pages, name)
    assert f"usr/lib/{name}/bin/python3" in inside
    # Directories that other packages own are not claimed.
    directories = {line.split()[1] for line in listed if line.startswith("d")}
    places = (f"/usr/lib/{name}", "/etc/vmfit", "/usr/share/licenses")
    assert all(path.startswith(places) for path in directories)
    kept = subprocess.run(
        [*query, "--configfiles", rpm], check=True, capture_output=True, text=True
    )
    assert kept.stdout.split() == [f"/etc/vmfit/{SETTINGS[name]}"]


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_kept(unpacked, name):
    control = unpacked / name / "DEBIAN"
    assert (control / "conffiles").read_text().split() == [f"/etc/vmfit/{SETTINGS[name]}"]


@pytest.mark.parametrize("name", NAMES)
def test_nobody_else_may_write_and_nothing_runs_as_somebody_else(unpacked, name):
    for path in (unpacked / name).rglob("*"):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o7022 == 0, path


@pytest.mark.parametrize("name", NAMES)
def test_the_place_of_building_is_not_in_it(unpacked, packages, name):
    marks = (str(packages).encode(), str(PROJECT).encode() + b"/")
    for path in (unpacked / name).rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            assert not any(mark in content for mark in marks), path


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_is_its_own(unpacked, tmp_path, name):
    """It runs from its files only, with the locked versions, whatever else is installed."""
    (tmp_path / "grpc").mkdir()
    (tmp_path / "grpc/__init__.py").write_text("raise RuntimeError('of somebody else')")
    home = unpacked / name / "usr/lib" / name
    program = home / "bin" / COMMANDS[name]
    shebang = program.read_text().splitlines()[0]
    assert shebang == f"#!/usr/lib/{name}/bin/python3 -I"
    ended = subprocess.run(
        [home / "bin/python3", "-I", program, "--version"],
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout == f"{COMMANDS[name]}, version 0.1.0\n"
    told = subprocess.run(
        [home / "bin/python3", "-I", "-c", "import grpc; print(grpc.__version__, grpc.__file__)"],
        env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    lock = tomllib.loads((PROJECT / "uv.lock").read_text())
    locked = {each["name"]: each["version"] for each in lock["package"]}
    assert told[0] == locked["grpcio"]
    assert told[1].startswith(str(home / "lib"))


@pytest.mark.parametrize("name", NAMES)
def test_scripts_know_every_unit_of_the_package(unpacked, name):
    words = {
        script: set(UNIT.findall((unpacked / name / "DEBIAN" / script).read_text()))
        for script in ("postinst", "prerm", "postrm")
    }
    units = {unit for unit in UNITS[name] if not unit.endswith(".target")}
    enabled = {
        unit for unit in units
        if re.search(r"(?m)^WantedBy=", (PROJECT / "systemd" / unit).read_text())
        and unit not in OPTIONAL
    }  # fmt: skip
    assert words["prerm"] == units  # nothing of it runs once it is gone
    assert words["postrm"] == enabled
    assert words["postinst"] == enabled | {unit for unit in units if unit.endswith(".service")}


@pytest.mark.parametrize("name", NAMES)
def test_scripts_hold_before_a_shell_checker(packages, unpacked, tmp_path, name):
    scripts = [unpacked / name / "DEBIAN" / script for script in ("postinst", "prerm", "postrm")]
    if shutil.which("rpm"):
        rpm = next(packages.glob(f"{name}-*.rpm"))
        for tag in ("POSTIN", "PREUN", "POSTUN"):
            ended = subprocess.run(
                ["rpm", "-qp", "--dbpath", tmp_path / "rpmdb", "--queryformat", f"%{{{tag}}}", rpm],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert "vmfit-" in ended.stdout
            scripts.append(tmp_path / tag)
            scripts[-1].write_text(f"#!/bin/sh\n{ended.stdout}")
    for script in scripts:
        assert "@" not in script.read_text().replace("$@", "")
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    # A list of units may hold one.
    subprocess.run(["shellcheck", "--shell=sh", "--exclude=SC2043", *scripts], check=True)


def test_man_pages_are_roff_and_say_what_help_says(unpacked):
    page = unpacked / "vmfit-comparator/usr/share/man/man1/vmfit-check.1.gz"
    text = gzip.decompress(page.read_bytes()).replace(b"\\-", b"-")
    assert b"-- --live --copy-storage-all" in text
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    for page in unpacked.glob("*/usr/share/man/man1/*.gz"):
        ended = subprocess.run(
            ["man", "--warnings", "-l", page], capture_output=True, text=True, check=True,
            env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert ended.stderr == "", page
        assert "DESCRIPTION" in ended.stdout
