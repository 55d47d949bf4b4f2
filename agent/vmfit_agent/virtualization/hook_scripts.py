"""The scripts that libvirt calls when a guest starts, migrates or stops; never run here."""

import os
import stat
import time
from collections.abc import Iterator

from vmfit.v1.host_pb2 import HookScript
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text
from vmfit_agent.kernel_files.processes import libvirt_daemon

_DIRECTORY = "etc/libvirt/hooks"
_MAXIMUM_BYTES = 1 << 20
# Longer ones are programs packed into a script.
_MAXIMUM_TEXT_BYTES = 64 << 10
_MOST_SCRIPTS = 200
_MACHINE_CODE = b"\x7fELF"
# The field starttime of /proc/PID/stat, counted after the name.
_START = 19
_START_UP_SECONDS = 0.2


def read_hook_scripts(host: Host) -> list[HookScript] | None:
    """Return the files of the hooks directory and its *.d, by path; empty without any.

    None, and a warning, when a directory cannot be listed. A file that cannot be read, or is longer
    than 1 MiB, has no hash, and neither `startable` nor `text`; one of more than 64 KiB no `text`.

    Source: /etc/libvirt/hooks; stat(2); execve(2).
    """
    try:
        paths = sorted(_paths(f"{host.root}/{_DIRECTORY}"))
    except OSError as error:
        host.warn(f"/{_DIRECTORY}: {error.strerror}")
        return None
    if len(paths) > _MOST_SCRIPTS:
        host.warn(f"/{_DIRECTORY}: more than {_MOST_SCRIPTS} files")
        return None
    began = _libvirt_began(host) if paths and host.is_live else None
    return [script for path in paths if (script := _script(host, path, began)) is not None]


def _paths(directory: str) -> Iterator[str]:
    for name in _names(directory):
        if name.endswith(".d"):
            yield from (f"{name}/{script}" for script in _names(f"{directory}/{name}"))
        else:
            yield name


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 -- names, not paths
    except (FileNotFoundError, NotADirectoryError):
        return []


def _script(host: Host, path: str, libvirt_began: float | None) -> HookScript | None:
    where = f"/{_DIRECTORY}/{path}"
    root = os.path.realpath(host.root)
    real_path = os.path.realpath(f"{root}{where}")
    # A link in a recording must not lead to this host's own files.
    if os.path.commonpath((real_path, root)) != root:
        host.warn(f"{where}: leads out of the host's root")
        return HookScript(path=path)
    try:
        status = os.stat(real_path)  # noqa: PTH116 -- a text, as everywhere here
    except FileNotFoundError:
        # A link to nothing, which libvirt passes over.
        return None
    except OSError as error:
        host.warn(f"{where}: {error.strerror}")
        return HookScript(path=path)
    mode = status.st_mode
    if not stat.S_ISREG(mode):
        return None
    script = HookScript(path=path)
    # libvirt runs as root, whom any execute bit suffices. Recordings keep no permissions.
    if mode & 0o111 or host.is_live:
        script.executable = bool(mode & 0o111)
    if libvirt_began is not None:
        script.newer_than_libvirt = _entered(where, status) > libvirt_began
    content = _content(host, where, real_path)
    if content is not None:
        # It loads OpenSSL, which few hosts have a script for.
        import hashlib  # noqa: PLC0415

        script.sha256 = hashlib.sha256(content).hexdigest()
        _describe(host, content, script)
    return script


def _content(host: Host, where: str, real_path: str) -> bytes | None:
    try:
        with open(real_path, "rb") as file:  # noqa: PTH123 -- a text, as above
            content = file.read(_MAXIMUM_BYTES + 1)
    except OSError as error:
        host.warn(f"{where}: {error.strerror}")
        return None
    if len(content) > _MAXIMUM_BYTES:
        host.warn(f"{where}: longer than {_MAXIMUM_BYTES} bytes")
        return None
    return content


def _describe(host: Host, content: bytes, script: HookScript) -> None:
    """Say whether the kernel can start it, and what its text tells."""
    if content.startswith(_MACHINE_CODE):
        script.startable = True
        return
    if len(content) <= _MAXIMUM_TEXT_BYTES:
        # Not at the top: its patterns take long to compile, and few hosts have scripts.
        from vmfit_agent.virtualization.hook_text import read_hook_text  # noqa: PLC0415

        script.text.CopyFrom(read_hook_text(content.decode(errors="replace")))
    first = content.partition(b"\n")[0].decode(errors="replace")
    interpreter = first[2:].split()[:1] if first.startswith("#!") else []
    if not interpreter:
        script.startable = False
    elif host.is_live:
        # A relative one is looked for where libvirt runs, in the root.
        script.startable = os.access(f"/{interpreter[0].lstrip('/')}", os.X_OK)


def _entered(where: str, status: os.stat_result) -> float:
    """Return when a file of this name was put there, in seconds since the epoch, or earlier.

    A rewritten file keeps its entry, and its directory its time.
    """
    directory = os.stat(os.path.dirname(where))  # noqa: PTH116, PTH120 -- a text, as above
    return min(status.st_ctime, directory.st_mtime)


def _libvirt_began(host: Host) -> float | None:
    """Return when libvirt's daemon had surely looked for hooks, in seconds since the epoch."""
    pid = libvirt_daemon(host)
    text = read_text(host, f"proc/{pid}/stat") if pid is not None else None
    fields = (text or "").rpartition(")")[2].split()
    if len(fields) <= _START:
        return None
    ticks = int(fields[_START])
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return booted + ticks / os.sysconf("SC_CLK_TCK") + _START_UP_SECONDS
