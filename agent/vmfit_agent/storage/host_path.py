"""What a path of a VM is on this host: a file on which file system, which block device."""

import os
import stat
from collections.abc import Iterable

from vmfit.v1.storage_pb2 import BlockDevice
from vmfit.v1.vm_pb2 import HostPath
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.sysfs import link_name, read_count
from vmfit_agent.networking.unix_sockets import listening_paths
from vmfit_agent.storage import block_devices
from vmfit_agent.storage.content import Contents, NotTold
from vmfit_agent.storage.content_hash import CONTENT_HASHES, MAXIMUM_BYTES, keyed_hash
from vmfit_agent.storage.element import IMAGE, Element
from vmfit_agent.storage.image_header import ImageHeader, read_header
from vmfit_agent.storage.look_allowance import LookAllowance
from vmfit_agent.storage.mount_guard import Way, mount_guard
from vmfit_agent.storage.path_filesystems import PathFilesystems
from vmfit_agent.storage.path_identity import of_device
from vmfit_agent.storage.path_look import Look, look
from vmfit_agent.storage.permitted_places import PermittedPlaces, is_firmware
from vmfit_agent.storage.recorded_path import RecordedPaths
from vmfit_agent.storage.seen_file import number_text
from vmfit_agent.storage.udev import BlockDatabase, block_database

_DEADLINE_SECONDS = 1.0
_HASH_DEADLINE_SECONDS = 3.0
_MAXIMUM_PATH_CHARACTERS = 4096
_SECTOR_BYTES = 512
_MAXIMUM_SECTORS = 2**64 // _SECTOR_BYTES
_DEVICES = "/dev/"


class PathInspector:
    """Looks at paths of one host. Made anew for each description: mounts are read once.

    No look waits longer than a second for a dead server, and a server that is known to be dead
    is not asked again. What PermittedPlaces keeps back is not told.
    """

    def __init__(
        self,
        host: Host,
        used: Iterable[str] = (),
        content_key: bytes | None = None,
        allowance: LookAllowance | None = None,
    ) -> None:
        """`used` are the paths of a domain of this host, which may be told of.

        With a key files are hashed that not everybody may know.
        """
        self._allowance = allowance or LookAllowance()
        self._key = content_key
        self._host = host
        self._guard = mount_guard(host)
        self._filesystems = PathFilesystems(host, self._guard)
        self._places = PermittedPlaces(host, used)
        self._contents = Contents(self._guard, self._places)
        self._recorded = RecordedPaths(host, self._guard, self._filesystems.of_mount)
        self._headers: dict[str, ImageHeader | None] = {}
        self._database: BlockDatabase | None = None
        self._listening: frozenset[str] | None = None

    @property
    def is_live(self) -> bool:
        """Whether images can be read: not in a recording."""
        return self._host.is_live

    def describe(
        self, path: str, element: Element = IMAGE, *, hash_content: bool = False
    ) -> HostPath:
        """Return what the path is; `error` says why it could not be looked at, or is not told.

        CallerGone when nobody waits for it.

        `hash_content` asks for the hash of a file up to 64 MiB. Where nothing is told of files,
        `exists` says whether something is there that the element can be, and is absent for what
        may be a file. In a recording `exists` and all that stat tells is absent; file system and
        device come from the recorded tables.
        """
        if not _is_absolute(path):
            return HostPath(path=path, error="not an absolute path")
        if not self._host.is_live:
            return self._recorded.describe(path)
        try:
            self._allowance.require_time()
            return self._describe(self._guard.resolve(path), element, hash_content=hash_content)
        except OSError as error:
            return HostPath(path=path, error=error.strerror or str(error))
        except UnicodeEncodeError:
            return HostPath(path=path, error="a symbolic link leads to a name that is no text")

    def _describe(self, way: Way, element: Element, *, hash_content: bool) -> HostPath:
        path = way.path
        try:
            seen = self._look(way)
        except OSError:
            refusal = self._places.refusal(way, way.real_path, "")
            if refusal:
                return HostPath(path=path, error=refusal)
            raise
        refusal = self._places.refusal(way, seen.real_path, seen.kind)
        if refusal and self._places.is_closed(way, seen.real_path):
            return HostPath(path=path, error=refusal)
        if refusal:
            return self._told_of_element(path, seen, element, refusal)
        answer = self._told(path, seen)
        if hash_content and answer.kind == "file":
            answer.MergeFrom(self._content(path, answer.size_bytes, is_public=_is_public(seen)))
        return answer

    def header(self, path: str) -> ImageHeader | None:
        """Return what an image says of itself; without a known magic it is raw.

        None when nothing is told of it, when it cannot be read, is broken, or its server does not
        answer within a second.
        """
        if not _is_absolute(path):
            return None
        if path not in self._headers:
            self._headers[path] = self._read_header(path)
        return self._headers[path]

    def rests_on(self, path: str, below: str) -> None:
        """Note that an image's header names another file."""
        self._places.rests_on(path, below)

    def allocated_bytes(self, path: str) -> int | None:
        """Return what a file takes of its file system; None for all else, and what is not told."""
        try:
            self._allowance.require_time()
            way = self._guard.resolve(path)
            seen = self._look(way)
            if seen.kind != "file" or self._places.refusal(way, seen.real_path, seen.kind):
                return None
        except OSError:
            return None
        if seen.status is None:
            return None
        return seen.status.st_blocks * _SECTOR_BYTES

    def _read_header(self, path: str) -> ImageHeader | None:
        try:
            self._allowance.require_time()
            return self._contents.read(path, _DEADLINE_SECONDS, read_header)
        except (OSError, ValueError):
            return None

    def _content(self, path: str, size: int, *, is_public: bool) -> HostPath:
        if not is_public and self._key is None:
            return HostPath()
        if size > MAXIMUM_BYTES or not self._allowance.hash(size):
            return HostPath()
        try:
            found = self._contents.read(path, _HASH_DEADLINE_SECONDS, CONTENT_HASHES.sha256)
        except NotTold:
            return HostPath()
        if found is None or is_public:
            return HostPath(sha256=found)
        assert self._key is not None
        return HostPath(keyed_hash=keyed_hash(found, self._key))

    def _look(self, way: Way) -> Look:
        return self._guard.ask(way.real_path, _DEADLINE_SECONDS, lambda: look(way.real_path))

    def _told(self, path: str, seen: Look) -> HostPath:
        """Return all of what is there."""
        status = seen.status
        answer = HostPath(path=path, exists=status is not None)
        if seen.real_path != path:
            answer.real_path = seen.real_path
        if status is None:
            answer.existing_parent = seen.directory
            answer.MergeFrom(self._filesystem(seen))
            return answer
        answer.inode = status.st_ino
        answer.mode = stat.S_IMODE(status.st_mode)
        answer.owner_id = status.st_uid
        answer.group_id = status.st_gid
        answer.MergeFrom(self._of_kind(path, seen, status))
        if seen.kind == "file":
            answer.size_bytes = status.st_size
        return answer

    def _of_kind(self, path: str, seen: Look, status: os.stat_result) -> HostPath:
        answer = HostPath(kind=seen.kind)
        if seen.kind not in ("block", "character"):
            answer.MergeFrom(self._filesystem(seen))
        if seen.kind == "socket":
            answer.MergeFrom(HostPath(listening=self._is_listening(path, seen.real_path)))
        if seen.kind == "block":
            number = number_text(status.st_rdev)
            # Devices without a medium are no part of a snapshot.
            sectors = read_count(f"{self._host.root}/sys/dev/block/{number}/size", _MAXIMUM_SECTORS)
            if sectors is not None:
                answer.size_bytes = sectors * _SECTOR_BYTES
            answer.MergeFrom(of_device(self._device(number)))
        return answer

    def _told_of_element(self, path: str, seen: Look, element: Element, refusal: str) -> HostPath:
        """Return what may be told where nothing is told of files.

        Whether nothing is there or something else is must not show.
        """
        told = seen.kinds & element.kinds
        if told and seen.status is not None:
            answer = HostPath(path=path, exists=True)
            if seen.real_path != path:
                answer.real_path = seen.real_path
            answer.MergeFrom(self._of_kind(path, seen, seen.status))
            if "program" in told:
                answer.mode = stat.S_IMODE(seen.status.st_mode)
            if "shared memory" in told:
                answer.size_bytes = seen.status.st_size
            return answer
        if element.may_be_file and not seen.real_path.startswith(_DEVICES):
            return HostPath(path=path, error=refusal)
        answer = HostPath(path=path, existing_parent=seen.directory)
        answer.MergeFrom(self._filesystem(seen._replace(real_path=seen.directory)))
        is_above = seen.directory == (seen.real_path.rpartition("/")[0] or "/")
        if is_above:
            answer.existing_parent = path.rpartition("/")[0] or "/"
        if not (element.is_made and is_above):
            answer.exists = False
        return answer

    def _filesystem(self, seen: Look) -> HostPath:
        place = seen.real_path if seen.status is not None else seen.directory
        found = self._filesystems.holding(place, seen.file_system_number)
        return HostPath(filesystem=found)

    def _is_listening(self, *names: str) -> bool | None:
        if self._listening is None:
            self._listening = listening_paths(self._host)
        if not self._listening:
            return None
        if not self._listening.isdisjoint(names):
            return True
        # The program may know the directory by another name.
        last = names[0].rpartition("/")[2]
        return None if any(each.endswith(f"/{last}") for each in self._listening) else False

    def _device(self, number: str) -> BlockDevice | None:
        name = link_name(f"{self._host.root}/sys/dev/block/{number}")
        if name is None:
            return None
        if self._database is None:
            self._database = block_database(self._host)
        return block_devices.find_block_device(self._database, str(self._host.root), name)


def _is_public(seen: Look) -> bool:
    """Tell whether a file is a package's, which everybody may read."""
    status = seen.status
    return (
        status is not None
        and is_firmware(seen.real_path)
        and status.st_uid == 0
        and bool(status.st_mode & stat.S_IROTH)
    )


def _is_absolute(path: str) -> bool:
    return path.startswith("/") and "\0" not in path and len(path) < _MAXIMUM_PATH_CHARACTERS
