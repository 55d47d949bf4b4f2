"""Which files the agent speaks of: what a guest's disks, firmware and devices could be.

A client with the role to probe may ask about any path, by a definition or by a probe. The agent
runs as root; what it says must not tell of the host's own files.
"""

import posixpath
import re
from collections.abc import Collection, Iterable

from vmfit_agent.content_directories import NEVER
from vmfit_agent.host import GuestsPlaces, Host
from vmfit_agent.storage.mount_guard import Way
from vmfit_agent.storage.mount_table import read_mounts
from vmfit_agent.storage.mountinfo import MountEntry
from vmfit_agent.storage.own_devices import host_uses, swaps_to
from vmfit_agent.storage.path_resolution import resolve
from vmfit_agent.storage.seen_file import SeenFile
from vmfit_agent.storage.system_directories import (
    CLOSED,
    SYSTEM,
    is_below,
    left_on_the_way,
    lexical_root,
    system_directory,
)

IMAGE_DIRECTORIES = (
    "/var/lib/libvirt",
    "/var/lib/nova/instances",
    "/var/lib/nova/mnt",
    "/var/lib/one/datastores",
    "/var/lib/vz",
    "/usr/share/virtio-win",
    # /srv and /mnt where only /var may be written to.
    "/var/srv",
    "/var/mnt",
)
"""Where libvirt, and those who manage many guests with it, keep images."""
_FIRMWARE = re.compile(
    r"/usr/(?:local/)?(?:share|libexec|lib(?:32|64)?(?:/[a-z0-9_]+-linux-gnu[a-z0-9]*)?)/"
    r"(?:AAVMF|OVMF|SLOF|edk2[^/]*|ipxe|kvm|openbios[^/]*|opensbi|ovmf[^/]*|pve-edk2-firmware|"
    r"qemu[^/]*|seabios|sgabios|slof|u-boot[^/]*|vgabios|xen[^/]*)/."
)
_SCRIPT = re.compile(r"/etc/(?:qemu-if(?:up|down)|xen/scripts/[^/]+)")
SMALLEST_BYTES = 4096
"""A smaller file could be guessed from its hash."""
# File systems whose files are no storage: to read them asks the kernel, or acts on it.
_PSEUDO = frozenset((
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts",
    "devtmpfs", "efivarfs", "fusectl", "mqueue", "nfsd", "nsfs", "pipefs", "proc", "pstore",
    "rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "sysfs", "tracefs",
))  # fmt: skip


class PermittedPlaces:
    """The rules of one host. Made anew for each use: mounts and guests are looked up once."""

    def __init__(self, host: Host, used: Iterable[str] = ()) -> None:
        """`used` are paths that a domain of this host uses, beside those of all its domains."""
        self._host = host
        self._used = set(used)
        self._guests: GuestsPlaces | None = None
        self._entries: list[MountEntry] | None = None

    def rests_on(self, path: str, below: str) -> None:
        """Note that an image names another: of a domain's image, the domain uses that, too.

        Not below NEVER and CLOSED: some let strangers upload images, which name what they like.
        """
        if path in self._used and lexical_root(below) not in (*NEVER, *CLOSED):
            self._used.add(below)

    def refusal(self, way: Way, real_path: str, kind: str) -> str:
        """Return why nothing is told of what a path leads to; empty when it may be told.

        `kind` is what is there, empty when there is nothing. Block devices may be told of wherever
        they are: a snapshot names them all.
        """
        refusal = self._way_refusal(way)
        if not refusal and kind != "block":
            refusal = self._place_refusal(way.path, real_path)
        return self._unless_used(way.path, real_path, refusal)

    def is_closed(self, way: Way, real_path: str) -> bool:
        """Tell whether, of what is refused, directories, sockets and the like are not told of."""
        if _SCRIPT.fullmatch(way.path):
            return False
        roots = (lexical_root(way.path), system_directory(real_path, self._mounts()))
        return any(root in CLOSED for root in roots) or bool(self._way_refusal(way))

    def content_refusal(self, way: Way, seen: SeenFile) -> str:
        """Return why the content is not looked at; empty when it may be."""
        refusal = self.refusal(way, seen.real_path, seen.kind)
        if refusal:
            return refusal
        if seen.kind == "block":
            refusal = self._device_refusal(way.path, seen)
            return self._unless_used(way.path, seen.real_path, refusal)
        if seen.kind != "file":
            return f"{way.path}: neither a regular file nor a block device"
        return self._pseudo_refusal(way.path, seen) or _file_refusal(way.path, seen)

    def _unless_used(self, path: str, real_path: str, refusal: str) -> str:
        # Who may write where an image is could make a link of it.
        root = lexical_root(real_path)
        if not refusal or (root in CLOSED and root in NEVER and root != lexical_root(path)):
            return refusal
        # What all domains use is looked up last: it asks libvirt.
        used = path in self._used or path in self._known_guests().paths
        return "" if used else refusal

    def _way_refusal(self, way: Way) -> str:
        left = left_on_the_way(way)
        return "" if all(map(self._is_by_images, left)) else _nothing_told(way.path)

    def _is_by_images(self, place: str) -> bool:
        """Tell whether a place lies in, or leads to, a directory that is known to hold images."""
        guests = self._known_guests()
        known = (*IMAGE_DIRECTORIES, *self._host.content_directories, *guests.pools)
        above = (*known, *guests.image_directories)
        return any(is_below(place, each) for each in known) or any(
            is_below(each, place) for each in above
        )

    def _place_refusal(self, path: str, real_path: str) -> str:
        root = system_directory(real_path, self._mounts())
        listed = self._host.content_directories
        if root not in NEVER and self._is_within(path, real_path, listed):
            return ""
        if not real_path.startswith("/"):
            return f"{path}: leads out of what the agent sees"
        if is_firmware(real_path):
            return ""
        if root in SYSTEM and not listed and self._holds_images(path, real_path):
            return ""
        if root:
            return _nothing_told(path)
        return f"{path}: not below content_directories" if listed else ""

    def _holds_images(self, path: str, real_path: str) -> bool:
        if self._is_within(path, real_path, IMAGE_DIRECTORIES):
            return True
        guests = self._known_guests()
        return self._is_within(path, real_path, guests.pools) or self._is_directly_in(
            path, real_path, guests.image_directories
        )

    @staticmethod
    def _is_directly_in(path: str, real_path: str, directories: Collection[str]) -> bool:
        directory, real_directory = path.rpartition("/")[0], real_path.rpartition("/")[0]
        if real_directory in directories:
            return True
        return directory in directories and _leads_to(directory) == real_directory

    @staticmethod
    def _is_within(path: str, real_path: str, directories: Iterable[str]) -> bool:
        """Tell whether the file lies below one of the directories, or below where it leads to."""
        return any(
            is_below(real_path, each)
            or (is_below(path, each) and is_below(real_path, _leads_to(each)))
            for each in directories
        )

    def _device_refusal(self, path: str, seen: SeenFile) -> str:
        listed = self._host.content_directories
        if listed and not self._is_within(path, seen.real_path, listed):
            return f"{path}: not below content_directories"
        if host_uses(seen.device_number, self._mounts()):
            return f"{path}: the host itself uses it"
        return ""

    def _pseudo_refusal(self, path: str, seen: SeenFile) -> str:
        # File systems without a device have a number with this beginning.
        number = seen.file_system_number
        if not number.startswith("0:"):
            return ""
        types = {mount.type for mount in self._mounts() if mount.device_number == number}
        return "" if types.isdisjoint(_PSEUDO) else f"{path}: not on storage"

    def _mounts(self) -> list[MountEntry]:
        if self._entries is None:
            try:
                self._entries = read_mounts(self._host)
            except ValueError as error:
                raise OSError(str(error)) from None
        return self._entries

    def _known_guests(self) -> GuestsPlaces:
        if self._guests is None:
            self._guests = self._host.guests_places()
        return self._guests


def _nothing_told(path: str) -> str:
    # By the name that was asked about: what a link leads to would tell that there is one.
    named = lexical_root(posixpath.normpath(path)) or "the system's own directories"
    return f"{path}: nothing is told of files below {named}"


def _file_refusal(path: str, seen: SeenFile) -> str:
    if seen.status.st_size < SMALLEST_BYTES and not is_firmware(seen.real_path):
        return f"{path}: the content of files below {SMALLEST_BYTES} bytes is not told"
    return f"{path}: the host itself uses it" if swaps_to(seen.real_path) else ""


def is_firmware(real_path: str) -> bool:
    """Tell whether a file lies in a directory of the packages of firmware and ROMs."""
    return _FIRMWARE.match(real_path) is not None


def _leads_to(directory: str) -> str:
    # Its links were followed a moment ago, on the way to a file in it: nothing hangs.
    return resolve(directory, lambda _: None)
