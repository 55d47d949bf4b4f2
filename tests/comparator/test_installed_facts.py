"""Facts of other distributions: installed as such, beside the built-in ones."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.installed_facts import installed_facts

SOURCES = Path(__file__).parent / "outside_facts"
ROOT = SOURCES.parents[2]
_VMFIT = Path(sys.executable).parent / "vmfit"
_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_ENTRY_POINTS = "[vmfit.facts]\n{points}\n"


def wheel(folder: Path, name: str, points: str, sources: Path | None = SOURCES) -> Path:
    """Make a wheel of packages and the entry points that name them."""
    under = name.replace("-", "_")
    info = f"{under}-1.2.dist-info"
    files = {
        str(path.relative_to(sources)): path.read_bytes()
        for path in (sorted(sources.rglob("*.py")) if sources else ())
    }
    files[f"{info}/METADATA"] = _METADATA.format(name=name).encode()
    files[f"{info}/WHEEL"] = _WHEEL.encode()
    files[f"{info}/entry_points.txt"] = _ENTRY_POINTS.format(points=points).encode()
    record = "".join(f"{path},{_hash(data)},{len(data)}\n" for path, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    path = folder / f"{under}-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in files.items():
            archive.writestr(each, data)
    return path


def _hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return the directory into which pip installed three distributions."""
    folder = tmp_path_factory.mktemp("outside")
    wheels = [
        wheel(folder, "acme-facts", "acme = acme_facts"),
        wheel(folder, "later-facts", "later = acme_facts", None),
        wheel(folder, "lost-facts", "lost = no_such_package\nfile = acme_facts.site.rack", None),
    ]
    target = folder / "site"
    command = [*_installer(folder), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*command, "--target", target, *wheels], check=True)
    return target


def _installer(folder: Path) -> list[str | Path]:
    """Return uv, or pip of an environment of its own, which takes long to make."""
    uv = shutil.which("uv") or shutil.which("uv", path=ROOT / ".tools/bin")
    if uv is not None:
        return [uv, "pip"]
    venv.create(folder / "pip", with_pip=True)
    return [folder / "pip/bin/python", "-m", "pip"]


def run(installed, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout


def told(installed):
    script = (
        "import json; from vmfit_comparator.installed_facts import installed_facts as i; f = i();"
        "print(json.dumps([list(f.facts), dict(f.sources), f.problems]))"
    )
    return json.loads(run(installed, "-c", script))


def test_facts_of_another_distribution_are_asked(installed):
    facts, sources, _ = told(installed)
    assert sources == {"site.rack": "acme-facts 1.2", "net.cable": "acme-facts 1.2"}
    assert facts[-2:] == ["net.cable", "site.rack"]


def test_what_is_wrong_is_named_and_costs_its_own_file(installed):
    facts, _, problems = told(installed)
    assert "net.bridge" in facts
    assert "site.broken" not in facts
    assert problems == [
        "acme-facts 1.2: acme_facts.net.bridge: fact net.bridge is one of vmfit itself already",
        (
            "acme-facts 1.2: acme_facts.site.broken: ValueError: destination.no_such_part: there"
            " is no field 'no_such_part' there"
        ),
        "acme-facts 1.2: acme_facts.site.empty: acme_facts.site.empty declares 0 facts, not one",
        (
            "acme-facts 1.2: acme_facts.site.way_back: it asks about the way back by facts that are"
            " not there: net.no_such_fact"
        ),
        *_repeated(problems),
        (
            "lost-facts 1.2: acme_facts.site.rack: acme_facts.site.rack is a file, and facts are"
            " files AREA/NAME.py"
        ),
        "lost-facts 1.2: no_such_package: ModuleNotFoundError: No module named 'no_such_package'",
    ]


def _repeated(problems):
    """Return what is said of the second distribution with the same facts: of each file."""
    found = [each for each in problems if each.startswith("later-facts 1.2: ")]
    assert len(found) == 6
    assert any("fact net.cable is one of acme-facts 1.2 already" in each for each in found)
    return found


def test_their_reads_are_derived(installed):
    script = (
        "from vmfit_comparator.installed_facts import installed_facts as i;"
        "print(*[path.text for path in i().facts['site.rack'].every_input])"
    )
    reads = run(installed, "-c", script).split()
    assert reads == ["destination.attributes.values", "source.attributes.values"]


def test_vmfit_lists_them_and_doctor_tells_what_is_left_out(installed):
    listed = run(installed, _VMFIT, "facts", "net.cable")
    assert "Do NICs come out at the same cable?" in listed
    told = run(installed, _VMFIT, "doctor", "--insecure")
    assert "2 of them of acme-facts 1.2" in told
    assert "no_such_package" in told


def test_without_others_the_built_in_ones_are_all():
    found = installed_facts()
    assert found.facts == dict(BUILT_IN)
    assert found.problems == ()
