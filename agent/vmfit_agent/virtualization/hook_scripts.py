"""The scripts that libvirt calls when a guest starts, migrates or stops; never run here."""

import hashlib
import os
import stat
from collections.abc import Iterator

from vmfit.v1.host_pb2 import HookScript
from vmfit_agent.host import Host

_DIRECTORY = "etc/libvirt/hooks"
_MAXIMUM_BYTES = 1 << 20
_MOST_SCRIPTS = 200


def read_hook_scripts(host: Host) -> list[HookScript] | None:
    """Return the files of the hooks directory and its *.d, by path; empty without any.

    None, and a warning, when a directory cannot be listed. A file that cannot be read, or is longer
    than 1 MiB, has no hash.

    Source: /etc/libvirt/hooks; stat(2).
    """
    try:
        paths = sorted(_paths(f"{host.root}/{_DIRECTORY}"))
    except OSError as error:
        host.warn(f"/{_DIRECTORY}: {error.strerror}")
        return None
    if len(paths) > _MOST_SCRIPTS:
        host.warn(f"/{_DIRECTORY}: more than {_MOST_SCRIPTS} files")
        return None
    return [script for path in paths if (script := _script(host, path)) is not None]


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


def _script(host: Host, path: str) -> HookScript | None:
    where = f"/{_DIRECTORY}/{path}"
    root = os.path.realpath(host.root)
    real_path = os.path.realpath(f"{root}{where}")
    # A link in a recording must not lead to this host's own files.
    if os.path.commonpath((real_path, root)) != root:
        host.warn(f"{where}: leads out of the host's root")
        return HookScript(path=path)
    try:
        mode = os.stat(real_path).st_mode  # noqa: PTH116 -- a text, as everywhere here
    except FileNotFoundError:
        # A link to nothing, which libvirt passes over.
        return None
    except OSError as error:
        host.warn(f"{where}: {error.strerror}")
        return HookScript(path=path)
    if not stat.S_ISREG(mode):
        return None
    script = HookScript(path=path)
    # libvirt runs as root, whom any execute bit suffices. Recordings keep no permissions.
    if mode & 0o111 or host.is_live:
        script.executable = bool(mode & 0o111)
    digest = _digest(host, where, real_path)
    if digest is not None:
        script.sha256 = digest
    return script


def _digest(host: Host, where: str, real_path: str) -> str | None:
    try:
        with open(real_path, "rb") as file:  # noqa: PTH123 -- a text, as above
            content = file.read(_MAXIMUM_BYTES + 1)
    except OSError as error:
        host.warn(f"{where}: {error.strerror}")
        return None
    if len(content) > _MAXIMUM_BYTES:
        host.warn(f"{where}: longer than {_MAXIMUM_BYTES} bytes")
        return None
    return hashlib.sha256(content).hexdigest()
