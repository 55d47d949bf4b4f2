"""The programs of docs/schedulers.md are what they say: short, and they find a host."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.comparator.builders import vm

ROOT = Path(__file__).parents[2]


def program(language):
    text = (ROOT / "docs/schedulers.md").read_text()
    return re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]


def ask(command, *words):
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def python(tmp_path):
    file = tmp_path / "choose.py"
    file.write_text(program("python"))
    return [sys.executable, file]


def test_python_is_short():
    lines = [each for each in program("python").splitlines() if each.strip()]
    assert len(lines) <= 30


def test_python_chooses(server, python):
    done = ask(python, server, vm().name, "alpha", "beta")
    assert (done.stdout, done.stderr, done.returncode) == ("beta\n", "", 0)


def test_python_says_why_not(server, python):
    done = ask(python, server, vm().name, "alpha", "alpha")
    assert done.returncode == 1
    assert "alpha: host.same_machine: " in done.stderr
    assert done.stderr.endswith("no host can take it\n")


def test_python_without_an_answer(tmp_path, server, python):
    done = ask(python, server, "nobody", "alpha", "beta")
    assert done.returncode == 1
    assert done.stderr.startswith("no answer (VM_UNKNOWN): comparator unix:")


def test_go(server, tmp_path):
    if not os.environ.get("VMFIT_TEST_GO"):
        pytest.skip("make test-go: compiling gRPC takes a minute")
    path = tmp_path / "path"
    module = path / "src/vmfit.v1/choose"
    module.mkdir(parents=True)
    (module / "main.go").write_text(program("go"))
    plugins = [f"--{each}_out={path / 'src'}" for each in ("go", "go-grpc")]
    sources = sorted(map(str, ROOT.glob("proto/vmfit/v1/*.proto")))
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", *plugins, *sources], check=True)
    # Debian's gRPC installs an older protobuf than the generated code needs.
    newer = "golang-github-golang-protobuf-1-5-dev"
    subprocess.run(["apt-get", "-qq", "download", newer], check=True, cwd=tmp_path)
    (package,) = tmp_path.glob(f"{newer}_*.deb")
    subprocess.run(["dpkg", "-x", package, tmp_path / "newer"], check=True)
    # Debian's Go packages are a GOPATH, not modules.
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": f"{path}:{tmp_path}/newer/usr/share/gocode:/usr/share/gocode",
        "GOCACHE": str(tmp_path / "cache"),
    }
    binary = tmp_path / "choose"
    build = ["go", "build", "-o", binary, "vmfit.v1/choose"]
    subprocess.run(build, check=True, env=environment, timeout=600)
    done = ask([binary], server, vm().name, "alpha", "beta")
    assert (done.stdout, done.returncode) == ("beta\n", 0), done.stderr
    done = ask([binary], server, vm().name, "alpha", "alpha")
    assert done.returncode == 1
    assert "no host can take it" in done.stderr
