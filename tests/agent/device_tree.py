"""Builds small recorded hosts: files and links below a directory."""

from collections.abc import Mapping
from pathlib import Path

from vmfit_agent.host import Host

Content = str | bytes


def make_host(root: Path, files: Mapping[str, Content]) -> Host:
    """Write the files below the root; a text that begins with "-> " is a symbolic link."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content.startswith("-> "):
            path.symlink_to(content.removeprefix("-> "))
        else:
            path.write_text(content)
    return Host(root)


def block_device(
    name: str, device_path: str, attributes: Mapping[str, Content], udev: str | None = None
) -> dict[str, Content]:
    """Return the files of a block device: its directory, its link, its entry in udev's database.

    `device_path` is below sys/devices, without the name of a partition's disk being special.
    """
    directory = f"sys/devices/{device_path}"
    files: dict[str, Content] = {
        f"sys/class/block/{name}": f"-> ../../devices/{device_path}",
        **{f"{directory}/{key}": value for key, value in attributes.items()},
    }
    files.setdefault(f"{directory}/size", "2048\n")
    if udev is not None:
        files[f"run/udev/data/b{str(attributes['dev']).strip()}"] = udev
    return files
