"""QEMU's own program for images, which brings QEMU's block drivers."""

import shutil

QEMU_IMG = "qemu-img"
# Not the service's own PATH: what runs is what the distribution installed.
_DIRECTORIES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def qemu_img() -> str | None:
    """Return the path of the program, None where it is not installed."""
    return shutil.which(QEMU_IMG, path=_DIRECTORIES)
