"""Properties that udev keeps of block devices: from libudev, or from a recorded database."""

import contextlib
import ctypes
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.sysfs import entry_names, key_values, read_bytes, read_text

_DATABASE = "/run/udev/data"
# udev writes a few hundred bytes; a megabyte is no database entry.
_ENTRY_LIMIT_BYTES = 1 << 20

Properties = Mapping[str, str]


class BlockDatabase(Protocol):
    """Block devices as the kernel and udev know them."""

    def devices(self) -> Iterator[tuple[str, Properties]]:
        """Yield each device's directory and properties."""

    def device(self, name: str) -> tuple[str, Properties] | None:
        """Return one device's directory and properties by kernel name; None when unknown."""


def block_database(host: Host) -> BlockDatabase:
    """Return libudev's view on a live host, else (and without libudev) the files below the root.

    Where udev does not run, as in many containers, libudev only repeats the kernel's files; loading
    it takes longer than most collectors.
    """
    if host.is_live and os.path.isdir(_DATABASE):  # noqa: PTH112 -- run for every disk of a guest
        try:
            return LiveDatabase()
        except ImportError as error:
            host.warn(f"libudev is not available ({error}): reading its database as files")
    return RecordedDatabase(str(host.root))


def load_pyudev() -> Any:  # noqa: ANN401 -- pyudev has no types
    """Import pyudev such that it finds libudev without running ldconfig, compiler and linker.

    Raises ImportError. Not at the top: replays and the unprivileged process never need it.
    """
    import pyudev  # noqa: PLC0415

    with contextlib.suppress(ImportError):
        from pyudev._ctypeslib import utils  # noqa: PLC0415

        if not isinstance(utils.find_library, functools.partial):
            utils.find_library = functools.partial(_library, utils.find_library)
    return pyudev


def _library(search: Callable[[str], str | None], name: str) -> str | None:
    known = {"udev": "libudev.so.1"}.get(name)
    if known is not None:
        with contextlib.suppress(OSError):
            ctypes.CDLL(known)
            return known
    return search(name)


class LiveDatabase:
    """The running system's block devices. Raises ImportError when there is no libudev."""

    def __init__(self) -> None:
        self._pyudev = load_pyudev()
        self._context = self._pyudev.Context()

    def devices(self) -> Iterator[tuple[str, Properties]]:
        """Yield each device's directory and properties."""
        for device in self._context.list_devices(subsystem="block"):
            yield device.sys_path, _TextProperties(device.properties)

    def device(self, name: str) -> tuple[str, Properties] | None:
        """Return one device's directory and properties by kernel name; None when unknown."""
        try:
            device = self._pyudev.Devices.from_name(self._context, "block", name.replace("!", "/"))
        except (self._pyudev.DeviceNotFoundError, ValueError):
            return None
        return device.sys_path, _TextProperties(device.properties)


class _TextProperties(Mapping[str, str]):
    """libudev's properties; pyudev fails on those that are no text, and these count as unset."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        self._properties = properties

    def __getitem__(self, key: str) -> str:
        try:
            return self._properties[key]
        except UnicodeDecodeError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._properties)

    def __len__(self) -> int:
        return len(self._properties)


class RecordedDatabase:
    """Block devices below a root: sys/class/block and run/udev/data."""

    def __init__(self, root: str) -> None:
        root = root.rstrip("/")
        self._class = f"{root}/sys/class/block"
        self._data = f"{root}{_DATABASE}"

    def devices(self) -> Iterator[tuple[str, Properties]]:
        """Yield each device's directory and properties."""
        for name in entry_names(self._class):
            if (device := self.device(name)) is not None:
                yield device

    def device(self, name: str) -> tuple[str, Properties] | None:
        """Return one device's directory and properties by kernel name; None when unknown."""
        directory = f"{self._class}/{name.replace('/', '!')}"
        number = read_text(f"{directory}/dev")
        if number is None or not number.isprintable():
            return None
        # A recording without links still has the attributes.
        with contextlib.suppress(OSError):
            directory = os.path.normpath(f"{self._class}/{os.readlink(directory)}")  # noqa: PTH115
        properties = dict(
            key_values((read_bytes(f"{directory}/uevent") or b"").decode("utf-8", "replace"))
        )
        entry = read_bytes(f"{self._data}/b{number}", _ENTRY_LIMIT_BYTES)
        if entry is not None:
            properties |= parse_entry(entry.decode("utf-8", "replace"))
        return directory, properties


def parse_entry(text: str) -> dict[str, str]:
    """Return the properties of an entry of udev's database; its links become DEVLINKS.

    Lines that are neither properties nor links (priority, tags, time) say nothing of the device.
    Source: systemd, src/libsystemd/sd-device (device-private.c).
    """
    properties, links = {}, []
    for line in text.split("\n"):
        kind, colon, rest = line.partition(":")
        if not colon or not rest:
            continue
        if kind == "S":
            links.append(f"/dev/{rest}")
        elif kind == "E":
            key, equals, value = rest.partition("=")
            if key and equals:
                properties[key] = value
    if links:
        properties["DEVLINKS"] = " ".join(sorted(links))
    return properties
