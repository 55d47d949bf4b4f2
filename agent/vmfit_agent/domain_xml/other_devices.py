"""TPMs, shared directories, and the devices that need little of the host."""

from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import Filesystem, OtherDevice, Tpm
from vmfit_agent.domain_xml.paths import host_path
from vmfit_agent.xml_document import (
    attribute,
    child_text,
    flag,
    number,
    size_bytes,
)

# Where QEMU on Linux makes shared memory of a name.
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 -- nothing is made here
_OTHER_KINDS = frozenset(
    (
        "controller", "video", "sound", "watchdog", "rng", "input", "panic", "memballoon", "iommu",
        "vsock", "shmem", "memory", "audio", "hub", "crypto", "pstore", "lease", "nvram",
    )
)  # fmt: skip


def read_tpms(domain: Element) -> list[Tpm]:
    """Return the TPMs; the state's directory only where the XML names one."""
    return [
        Tpm(
            model=element.get("model") or "",
            backend=attribute(element, "backend", "type") or "",
            version=attribute(element, "backend", "version"),
            device=host_path(
                attribute(element, "backend/device", "path")
                or attribute(element, "backend/source", "path")
                if attribute(element, "backend", "type") != "emulator"
                else None
            ),
            persistent_state=attribute(element, "backend", "persistent_state") == "yes",
            encryption_secret_uuid=attribute(element, "backend/encryption", "secret"),
            state_directory=host_path(
                attribute(element, "backend/source", "path")
                if attribute(element, "backend", "type") == "emulator"
                else None
            ),
        )
        for element in domain.iterfind("devices/tpm")
    ]


def read_filesystems(domain: Element) -> list[Filesystem]:
    """Return the directories that the host shares with the guest."""
    return [
        Filesystem(
            target=attribute(element, "target", "dir") or "",
            type=element.get("type") or "mount",
            driver=attribute(element, "driver", "type"),
            source=host_path(_filesystem_source(element)),
            access_mode=element.get("accessmode"),
            socket=attribute(element, "source", "socket"),
            binary=attribute(element, "binary", "path"),
        )
        for element in domain.iterfind("devices/filesystem")
    ]


def _filesystem_source(element: Element) -> str | None:
    names = ("dir", "file", "dev")
    return next((found for name in names if (found := attribute(element, "source", name))), None)


def read_other_devices(domain: Element) -> list[OtherDevice]:
    """Return the remaining devices in the XML's order, each with what it needs of the host."""
    return [
        _other_device(element)
        for element in domain.iterfind("devices/*")
        if element.tag in _OTHER_KINDS
    ]


def _other_device(element: Element) -> OtherDevice:
    model = element.get("model") or attribute(element, "model", "type")
    return OtherDevice(
        kind=element.tag,
        type=element.get("type"),
        model=model or attribute(element, "model", "name"),
        backend=attribute(element, "backend", "model") or attribute(element, "backend", "type"),
        path=host_path(_path(element)),
        vsock_cid=number(attribute(element, "cid", "address")),
        vsock_auto=flag(attribute(element, "cid", "auto")),
        role=element.get("role"),
        bus=element.get("bus"),
        driver_name=attribute(element, "driver", "name"),
        size_bytes=size_bytes(element, "size", "B") if element.tag == "shmem" else None,
        accelerated_3d=flag(attribute(element, "model/acceleration", "accel3d")),
        head_count=number(attribute(element, "model", "heads")),
    )


def _path(element: Element) -> str | None:
    if element.tag == "rng" and attribute(element, "backend", "model") == "random":
        return child_text(element, "backend")
    if element.tag == "shmem":
        server = attribute(element, "server", "path")
        name = element.get("name")
        return server or (f"{_SHARED_MEMORY}/{name}" if name else None)
    if element.tag == "input":
        return attribute(element, "source", "evdev") or attribute(element, "source", "dev")
    if element.tag == "pstore":
        return child_text(element, "path")
    return None
