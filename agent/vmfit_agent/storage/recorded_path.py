"""What a recording tells of a path: its file system and its device, from the recorded tables."""

from collections.abc import Callable

from vmfit.v1.storage_pb2 import BlockDevice
from vmfit.v1.vm_pb2 import HostPath, PathFilesystem
from vmfit_agent.host import Host
from vmfit_agent.storage import block_devices
from vmfit_agent.storage.mount_guard import MountGuard, holding_mount
from vmfit_agent.storage.mountinfo import MountEntry
from vmfit_agent.storage.path_identity import of_device


class RecordedPaths:
    """The paths of a recorded host. Made anew for each description."""

    def __init__(
        self, host: Host, guard: MountGuard, of_mount: Callable[[MountEntry], PathFilesystem]
    ) -> None:
        self._host = host
        self._mounts = guard.entries
        self._of_mount = of_mount
        self._devices: dict[str, BlockDevice] | None = None

    def describe(self, path: str) -> HostPath:
        """Return what the tables tell; `exists` and all that stat tells is absent."""
        answer = HostPath(path=path)
        if path.startswith("/dev/"):
            answer.MergeFrom(of_device(self._device(path)))
            return answer
        entry = holding_mount(self._mounts, path)
        if entry is not None:
            answer.filesystem.CopyFrom(self._of_mount(entry))
        return answer

    def _device(self, path: str) -> BlockDevice | None:
        if self._devices is None:
            part = block_devices.read_block_devices(self._host)
            self._devices = {name: device for device in part.devices for name in device.paths}
        return self._devices.get(path)
