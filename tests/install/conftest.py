"""The packages, and the machines that they are installed on, for all tests of this directory."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.booted import container
from tests.install import debian
from tests.install.older import older_packages as made_older
from tests.install.site import Site
from tests.install.steps import follow_here

PROJECT = Path(__file__).parents[2]
PACKAGES = PROJECT / "dist/packages"
# Everything is built and run then, and nothing is skipped: `make test-install`.
ALL = "VMFIT_TEST_INSTALL"


@pytest.fixture(scope="session")
def followed():
    """What has been run of the document, in order."""
    return []


@pytest.fixture(scope="session")
def packages(followed):
    """The debs, by the name of the package, as the document has them built."""
    reason = container.why_not() or debian.why_not()
    if not os.environ.get(ALL):
        reason = reason or f"only with {ALL}=1 (make test-install): it takes some minutes"
        pytest.skip(reason)
    assert not reason
    followed += follow_here("Packages")
    return {path.name.partition("_")[0]: path for path in _packages().glob("*.deb")}


def _packages():
    """Return where the packages for the release are, built now if they are not this machine's."""
    if debian.RELEASE == debian.OWN:
        return PACKAGES
    command = [PROJECT / "packaging/linux/for_release.sh", debian.RELEASE]
    subprocess.run(command, check=True, timeout=1800, stdout=subprocess.DEVNULL)
    return PACKAGES.with_name(f"packages-{debian.RELEASE}")


@pytest.fixture(scope="session")
def older_packages(packages, tmp_path_factory):
    """What a site has that upgrades to these packages."""
    return made_older(packages, tmp_path_factory.mktemp("older"))


@pytest.fixture(scope="session")
def site(packages, followed, tmp_path_factory):
    with Site(tmp_path_factory.mktemp("site"), followed) as site:
        yield site
