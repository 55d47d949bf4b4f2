"""The comparator's image, on a base that is made of Debian: a check and a service in it."""

import os
import shutil
import subprocess

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.packages.conftest import PROJECT
from vmfit_contract.snapshot_file import write_snapshot

RECIPE = PROJECT / "packaging/container"
WHOLE = "VMFIT_TEST_IMAGE"
SERVING = """
SOCKET=unix:/run/vmfit-comparator/comparator.sock
vmfit serve & service=$!
for _ in $(seq 60); do
    vmfit facts cpu.features --server $SOCKET 2>/dev/null && break
    sleep 0.5
done
kill $service; wait $service; echo "ended with $?"
"""


@pytest.fixture(scope="module")
def buildah(tmp_path_factory):
    """What runs buildah with a storage of its own."""
    if not os.environ.get(WHOLE):
        pytest.skip(f"only with {WHOLE}=1 (make test-image): it takes some minutes")
    if os.geteuid() != 0 or not shutil.which("buildah") or not shutil.which("debootstrap"):
        pytest.skip("needs root, buildah and debootstrap")
    place = tmp_path_factory.mktemp("storage")
    program = [
        "buildah",
        "--storage-driver",
        "vfs",
        f"--root={place}/root",
        f"--runroot={place}/run",
    ]

    def run(*words):
        done = subprocess.run(
            [*program, *map(str, words)], capture_output=True, text=True, timeout=800, check=False
        )
        assert done.returncode in (0, 1), done.stderr[-2000:]
        return done.stdout

    base = [RECIPE / "debian_base.sh", "trixie", "vmfit-base"]
    subprocess.run(base, env={**os.environ, "BUILDAH": " ".join(program)}, check=True, timeout=800)
    return run


@pytest.fixture(scope="module")
def container(buildah):
    certificates = "--volume=/etc/ssl/certs:/etc/ssl/certs:ro"
    base = "--build-arg=BASE=localhost/vmfit-base"
    recipe = f"--file={RECIPE}/Containerfile"
    buildah("bud", "--isolation=chroot", certificates, base, recipe, "--tag=vmfit-image", PROJECT)
    return buildah("from", "localhost/vmfit-image").strip()


def test_a_check_in_the_image(buildah, container, tmp_path):
    source = source_snapshot()
    source.domains.vms.append(vm())
    write_snapshot(source, tmp_path / "alpha.json")
    write_snapshot(destination_snapshot(), tmp_path / "beta.json")
    for each in (tmp_path, *tmp_path.parents[:2]):
        each.chmod(0o755)
    words = ("run", "--isolation=chroot", f"--volume={tmp_path}:/hosts:ro", container, "--")
    told = buildah(
        *words, "vmfit", "check", vm().name, "--from=/hosts/alpha.json", "--to=/hosts/beta.json"
    )
    assert "acceptable: guest, alpha -> beta" in told


def test_the_service_in_the_image(buildah, container):
    told = buildah("run", "--isolation=chroot", container, "--", "sh", "-c", SERVING)
    assert told.startswith("cpu.features: ")
    assert told.endswith("ended with 0\n")
