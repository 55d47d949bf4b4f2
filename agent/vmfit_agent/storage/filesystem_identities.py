"""What identifies the file system that a mount shows."""

import os
import stat

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text
from vmfit_agent.kernel_files.sysfs import link_name
from vmfit_agent.storage.mountinfo import MountEntry, export_of
from vmfit_agent.storage.udev import BlockDatabase, block_database


class FilesystemIdentities:
    """Finds the UUID of what a mount shows. For one collection: nothing is asked twice."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._database: BlockDatabase | None = None
        self._uuids: dict[str, str | None] = {}

    def uuid(self, entry: MountEntry) -> str | None:
        """Return the field `filesystem_uuid` of a mount; None when it has no identity."""
        export = export_of(entry)
        if export is not None:
            if entry.type == "ceph":
                # Its monitors are many, and any of them may be named.
                return export.cluster_id
            return f"{export.server}:{export.path}" if export.server else None
        number = entry.device_number
        if number.startswith("0:"):
            # btrfs and overlays of one device have a number of their own.
            if not entry.source.startswith("/dev/"):
                return None
            number = self._number_of(entry.source)
        if number not in self._uuids:
            self._uuids[number] = self._block_uuid(number)
        return self._uuids[number]

    def _number_of(self, path: str) -> str:
        if not self._host.is_live:
            name = path.rpartition("/")[2]
            return (read_text(self._host, f"sys/class/block/{name}/dev") or "").strip()
        try:
            status = os.stat(path)  # noqa: PTH116 -- cheaper than Path, and as cheap to read
        except OSError:
            return ""
        if not stat.S_ISBLK(status.st_mode):
            return ""
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"

    def _block_uuid(self, number: str) -> str | None:
        name = link_name(f"{self._host.root}/sys/dev/block/{number}") if number else None
        if name is None:
            return None
        if self._database is None:
            self._database = block_database(self._host)
        found = self._database.device(name)
        return (found[1].get("ID_FS_UUID") or None) if found is not None else None
