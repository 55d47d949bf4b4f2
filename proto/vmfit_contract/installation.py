"""How a program was installed: what a remedy has to say."""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_PACKAGES = "/usr/lib/"


def installed_as(name: str, prefix: str = "", root: Path = Path("/")) -> str:
    """Return "deb", "rpm", "checkout" or "wheel" for a distribution that runs.

    A package has its environment at /usr/lib/NAME; of those dpkg knows a deb.
    """
    if (prefix or sys.prefix) == f"{_PACKAGES}{name}":
        return "deb" if (root / "var/lib/dpkg/info" / f"{name}.list").exists() else "rpm"
    try:
        origin = distribution(name).read_text("direct_url.json") or ""
    except PackageNotFoundError:
        return "checkout"
    return "checkout" if '"editable"' in origin.replace(" ", "") else "wheel"


def installing(name: str, extra: str = "") -> str:
    """Return what installs a distribution again, with an extra, the way it was installed."""
    with_extra = f"{name}[{extra}]" if extra else name
    return {
        "deb": f"apt install --reinstall {name}",
        "rpm": f"dnf reinstall {name}",
        "checkout": "install it: uv sync --all-packages --all-extras, in the checkout",
        "wheel": f"{sys.prefix}/bin/pip install '{with_extra}'",
    }[installed_as(name)]
