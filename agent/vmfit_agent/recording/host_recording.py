"""Copies what collectors read into a directory that serves as a host's root."""

import errno
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from vmfit_agent.kernel_files.host_files import PLACEHOLDER
from vmfit_agent.kernel_files.processes import is_daemon
from vmfit_agent.processors import cpu_msr, cpuid
from vmfit_agent.recording.masked_files import mask_file
from vmfit_agent.recording.recorded_text import recorded_text
from vmfit_contract.masking.masking import Masking

MAX_FILE_BYTES = 4 << 20
MAX_TOTAL_BYTES = 256 << 20
MAX_ENTRIES = 200_000
MAX_LINKS = 40
# Links to the reading process itself; their numbers mean nothing to a reader.
_OWN_PROCESS = frozenset((PurePath("proc/self"), PurePath("proc/thread-self")))


@dataclass(slots=True)
class Recording:
    """What is to be written, by path below the root; and what could not be read, and why."""

    texts: dict[PurePath, str] = field(default_factory=dict)
    links: dict[PurePath, str] = field(default_factory=dict)
    directories: set[PurePath] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    total_bytes: int = 0

    def write(self, directory: Path, masking: Masking | None) -> None:
        """Write the tree, masked by what was learnt if asked for; raises OSError."""
        rename = masking.text if masking else str
        for path in sorted(self.directories):
            (directory / rename(str(path))).mkdir(parents=True, exist_ok=True)
        for path, text in sorted(self.texts.items()):
            file = directory / rename(str(path))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(mask_file(masking, path, text) if masking else text, "utf-8")
        for path, destination in sorted(self.links.items()):
            link = directory / rename(str(path))
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(rename(destination))
        for path in sorted(self.directories):
            place = directory / rename(str(path))
            # Version control drops empty directories, and some say something by being there.
            if not any(place.iterdir()):
                (place / PLACEHOLDER).touch()


def read_host(root: Path, globs: Collection[str]) -> Recording:
    """Read all that the globs match below the root, with the links that lead there.

    Secrets are left out; what cannot be read is noted.
    """
    recording = Recording()
    reader = _Reader(root, recording)
    for pattern in sorted(set(globs)):
        for path in _matches(root, pattern):
            if len(recording.texts) + len(recording.links) >= MAX_ENTRIES:
                recording.missing.append(f"/{pattern}: more than {MAX_ENTRIES} files in all")
                return recording
            reader.add(path)
    _drop_other_processes(recording)
    return recording


# Collectors look for a few daemons; the names of all other processes are nobody's business.
def _drop_other_processes(recording: Recording) -> None:
    for path in sorted(recording.texts, key=lambda path: path.name == "comm"):
        of_process = path.parts[0] == "proc" and len(path.parts) > 2 and path.parts[1].isdigit()
        comm = recording.texts.get(PurePath(*path.parts[:2], "comm"), "").strip()
        if of_process and not is_daemon(comm):
            del recording.texts[path]


def _matches(root: Path, pattern: str) -> Iterator[PurePath]:
    try:
        for path in root.glob(pattern):
            yield PurePath(path.relative_to(root))
    except OSError:
        return


class _Reader:
    """Adds one path after the other to a recording."""

    def __init__(self, root: Path, recording: Recording) -> None:
        self._root = root
        self._recording = recording
        self._seen: set[PurePath] = set()

    def add(self, path: PurePath) -> None:
        """Record the links on the way to a file, and the file itself."""
        try:
            real = self._resolve(path)
            if real is not None and real not in self._seen:
                self._seen.add(real)
                self._add_real(real, path)
        except FileNotFoundError:
            return  # A process or device that is gone, or a link to nowhere.
        except OSError as error:
            # What the kernel has no value for (the speed of a loopback) is no loss.
            if error.errno != errno.EINVAL:
                self._recording.missing.append(f"/{path}: {error.strerror}")
        except ValueError as error:
            self._recording.missing.append(f"/{path}: {error}")

    def _add_real(self, path: PurePath, asked: PurePath) -> None:
        mode = (self._root / path).stat().st_mode
        if stat.S_ISDIR(mode):
            self._recording.directories.add(path)
        elif stat.S_ISCHR(mode):
            self._recording.texts[path] = _device_text(self._root / path)
        # Files that nobody may read are switches of the kernel.
        elif stat.S_ISREG(mode) and mode & 0o444:
            self._add_text(path, asked)

    def _resolve(self, path: PurePath) -> PurePath | None:
        """Return the path without links, below the root; note the links."""
        real, rest, followed = PurePath(), list(path.parts), 0
        while rest:
            real /= rest.pop(0)
            if real in _OWN_PROCESS or not (self._root / real).is_symlink():
                continue
            followed += 1
            if followed > MAX_LINKS:
                return None
            destination = (self._root / real).readlink()
            inner = _below_root(real, destination)
            # A recording must lead into itself, wherever it lies.
            self._recording.links[real] = os.path.relpath(inner, real.parent)
            rest = [*inner.parts, *rest]
            real = PurePath()
        return real

    def _add_text(self, path: PurePath, asked: PurePath) -> None:
        descriptor = os.open(self._root / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # In small pieces: /proc/sys allocates as much as is asked for.
        content = b""
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 -- a descriptor
            while len(content) <= MAX_FILE_BYTES and (piece := file.read(65536)):
                content += piece
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(f"larger than {MAX_FILE_BYTES} bytes")
        self._recording.total_bytes += len(content)
        if self._recording.total_bytes > MAX_TOTAL_BYTES:
            raise ValueError(f"all files together are larger than {MAX_TOTAL_BYTES} bytes")
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise ValueError("not text") from None
        # Where a link leads does not tell how a file is read.
        self._recording.texts[path] = recorded_text(asked, text)


# What is read of a device; else an empty file says that it is there.
def _device_text(path: Path) -> str:
    if path.name == "cpuid":
        return cpuid.dump_text(str(path))
    return cpu_msr.dump_text(str(path)) if path.name == "msr" else ""


def _below_root(link: PurePath, destination: Path) -> PurePath:
    joined = destination if destination.is_absolute() else PurePath("/") / link.parent / destination
    return PurePath(os.path.normpath(joined)).relative_to("/")
