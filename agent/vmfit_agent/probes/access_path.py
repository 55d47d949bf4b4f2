"""May the user that QEMU runs as read, and write, a path?"""

import ctypes
import errno
import os
import stat
from pathlib import PurePosixPath

from vmfit.v1.probe_pb2 import AccessAnswer, AccessPath
from vmfit_agent.certificate_files.certificates import qemu_keys
from vmfit_agent.host import Host
from vmfit_agent.probes.as_user import call_as
from vmfit_agent.probes.qemu_user import QemuUser, qemu_user
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.probes.waiting_mount import look
from vmfit_agent.storage.mount_guard import mount_guard
from vmfit_agent.storage.mount_table import read_mounts
from vmfit_agent.storage.path_look import look as look_at
from vmfit_agent.storage.permitted_places import PermittedPlaces

_TOLD_KINDS = frozenset(("block", "character", "directory", "socket"))

Refusal = tuple[str, int]
"""The place that is refused, and the errno."""


def access_path(question: AccessPath, terms: Terms) -> AccessAnswer:
    """Ask the kernel in that user's name, so that ACLs and a server's squashing of root count.

    Nothing is opened. A confinement of QEMU's own (SELinux, AppArmor) is not in the answer.
    Raises Unanswerable when that user is not known or cannot be acted for, and for a file that no
    guest could have. Source: access(2).
    """
    host = terms.host
    user = qemu_user(host)
    return look(host, question.path, terms.left(), lambda: _try(question, host, user))


def _try(question: AccessPath, host: Host, user: QemuUser) -> AccessAnswer:
    real = _told_place(host, question.path)
    mode = os.R_OK | (os.W_OK if question.write else 0)
    refusal = call_as(user, lambda: _first_refusal(question.path, real, mode))
    answer = AccessAnswer(allowed=refusal is None, user_id=user.user_id, group_id=user.group_id)
    if refusal is not None:
        place, error = refusal
        is_last = (place, error) == (real, errno.EACCES)
        answer.allowed_as_owner = is_last and user.owns_images and _owner_may(host, real, mode)
        answer.reason = _words(user, place, error, as_owner=answer.allowed_as_owner)
    return answer


def _told_place(host: Host, path: str) -> str:
    """Return where the path leads to.

    Raises Unanswerable for what is no guest's: whether a file is there must not show. Devices,
    sockets and directories may be asked about in most places, and so may QEMU's keys.
    """
    way = mount_guard(host).resolve(path)
    if path in qemu_keys(host):
        return way.real_path
    places = PermittedPlaces(host)
    try:
        seen = look_at(way.real_path)
    except OSError:
        _require_nothing(places.refusal(way, way.real_path, ""))
        raise
    if seen.kind not in _TOLD_KINDS or places.is_closed(way, seen.real_path):
        _require_nothing(places.refusal(way, seen.real_path, seen.kind))
    return way.real_path


def _require_nothing(refusal: str) -> None:
    if refusal:
        raise Unanswerable(refusal)


def _first_refusal(path: str, real: str, mode: int) -> Refusal | None:
    """Return the first place on the way to the path that is refused, None when none is."""
    if os.path.isdir(path):  # noqa: PTH112 -- no exceptions for what is not there
        mode |= os.X_OK
    if not (error := _access(path, mode)):
        return None
    for end in (path, real):
        for parent in reversed(PurePosixPath(end).parents):
            if (refused := _access(str(parent), os.X_OK)) != 0:
                return str(parent), refused
    return real, error


def _access(path: str, mode: int) -> int:
    """Return the errno of access(2), 0 for a yes; Python's own function hides it."""
    library = ctypes.CDLL(None, use_errno=True)
    return 0 if library.access(os.fsencode(path), mode) == 0 else ctypes.get_errno()


def _owner_may(host: Host, path: str, mode: int) -> bool:
    """Return whether root of this host can give the file away, and its owner has the rights."""
    status = os.stat(path)  # noqa: PTH116 -- as access(2) names it
    wanted = (stat.S_IRUSR if mode & os.R_OK else 0) | (stat.S_IWUSR if mode & os.W_OK else 0)
    if stat.S_ISDIR(status.st_mode) or status.st_mode & wanted != wanted:
        return False
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    mounts = [mount for mount in read_mounts(host) if mount.device_number == device]
    # A server may squash root: whether it lets the owner be changed is not known beforehand.
    return bool(mounts) and not any(mount.shared or mount.may_hang for mount in mounts)


def _words(user: QemuUser, place: str, error: int, *, as_owner: bool) -> str:
    words = f"{user.name}: {place}: {os.strerror(error)}"
    if as_owner:
        words += "; libvirt makes it the owner before a guest starts (dynamic_ownership)"
    return words
