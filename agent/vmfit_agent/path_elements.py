"""The paths of a VM, and what each of them can be."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message

from vmfit.v1.vm_pb2 import (
    CharacterDevice,
    Filesystem,
    Firmware,
    Graphics,
    HostPath,
    MemoryDevice,
    Nic,
    OtherDevice,
    StorageSource,
    SystemInformation,
    Tpm,
    Vm,
)
from vmfit_agent.storage.element import (
    DEVICE,
    DEVICE_OR_SOCKET,
    DIRECTORY,
    IMAGE,
    MADE,
    MEMORY,
    PIPE,
    PROGRAM,
    SHARED_MEMORY,
    SOCKET,
    Element,
)

_SHARED_MEMORY = "/dev/shm/"  # noqa: S108 -- nothing is made here
_DISKS = {"dir": DIRECTORY, "vhostuser": SOCKET, "vhostvdpa": DEVICE}


class NamedPath(NamedTuple):
    """One path of a VM."""

    path: HostPath
    element: Element
    is_compared: bool
    """What is the same on every host, or ought to be: its content tells. Never disks."""


def named_paths(message: Message) -> Iterator[NamedPath]:
    """Yield every path of a VM, or of a part of one; relative names, too."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for item in value if field.is_repeated else (value,):
            if isinstance(item, HostPath):
                key = (message.DESCRIPTOR.name, field.name)
                yield NamedPath(item, ELEMENTS[key](message), key in _COMPARED)
            else:
                yield from named_paths(item)


def _always(element: Element) -> Callable[[Any], Element]:
    return lambda _: element


def _nic_socket(nic: Nic) -> Element:
    if nic.type == "vdpa":
        return DEVICE
    return MADE if nic.socket_mode == "server" else SOCKET


def _character_device(device: CharacterDevice) -> Element:
    match device.type:
        case "unix":
            return SOCKET if device.mode == "connect" else MADE
        case "pipe":
            return PIPE
        case "file":
            return MADE
    return DEVICE


def _other_device(device: OtherDevice) -> Element:
    if device.kind == "shmem":
        return SHARED_MEMORY if device.path.path.startswith(_SHARED_MEMORY) else SOCKET
    return MADE if device.kind == "pstore" else DEVICE


def _filesystem(shared: Filesystem) -> Element:
    return IMAGE if shared.type in {"file", "block"} else DIRECTORY


def _tpm_device(tpm: Tpm) -> Element:
    return DEVICE if tpm.backend == "passthrough" else DEVICE_OR_SOCKET


def _disk_source(source: StorageSource) -> Element:
    return _DISKS.get(source.type, IMAGE)


# By message and field: every field of a VM that is a path.
ELEMENTS: Mapping[tuple[str, str], Callable[[Any], Element]] = {
    (Vm.DESCRIPTOR.name, "emulator"): _always(PROGRAM),
    (Vm.DESCRIPTOR.name, "kernel"): _always(IMAGE),
    (Vm.DESCRIPTOR.name, "initrd"): _always(IMAGE),
    (Vm.DESCRIPTOR.name, "qemu_argument_files"): _always(IMAGE),
    (Firmware.DESCRIPTOR.name, "loader"): _always(IMAGE),
    (Firmware.DESCRIPTOR.name, "nvram"): _always(MADE),
    (Firmware.DESCRIPTOR.name, "nvram_template"): _always(IMAGE),
    (Firmware.DESCRIPTOR.name, "tables"): _always(IMAGE),
    (SystemInformation.DESCRIPTOR.name, "files"): _always(IMAGE),
    (MemoryDevice.DESCRIPTOR.name, "source"): _always(MEMORY),
    (StorageSource.DESCRIPTOR.name, "path"): _disk_source,
    (StorageSource.DESCRIPTOR.name, "data_file"): _always(IMAGE),
    (Nic.DESCRIPTOR.name, "socket"): _nic_socket,
    (Nic.DESCRIPTOR.name, "script"): _always(PROGRAM),
    (Nic.DESCRIPTOR.name, "rom"): _always(IMAGE),
    (Tpm.DESCRIPTOR.name, "device"): _tpm_device,
    (Tpm.DESCRIPTOR.name, "state_directory"): _always(DIRECTORY),
    (Filesystem.DESCRIPTOR.name, "source"): _filesystem,
    (CharacterDevice.DESCRIPTOR.name, "path"): _character_device,
    (CharacterDevice.DESCRIPTOR.name, "log"): _always(MADE),
    (CharacterDevice.DESCRIPTOR.name, "pipe_ends"): _always(PIPE),
    (Graphics.DESCRIPTOR.name, "render_node"): _always(DEVICE),
    (Graphics.DESCRIPTOR.name, "socket_path"): _always(MADE),
    (OtherDevice.DESCRIPTOR.name, "path"): _other_device,
}
_COMPARED = frozenset((
    (Vm.DESCRIPTOR.name, "kernel"),
    (Vm.DESCRIPTOR.name, "initrd"),
    (Firmware.DESCRIPTOR.name, "loader"),
    (Firmware.DESCRIPTOR.name, "nvram_template"),
    (Firmware.DESCRIPTOR.name, "tables"),
    (Nic.DESCRIPTOR.name, "rom"),
    (Nic.DESCRIPTOR.name, "script"),
))  # fmt: skip
