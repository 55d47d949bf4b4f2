"""What the guest's SMBIOS tables say."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import HostPath, SystemInformation
from vmfit_agent.xml_document import attribute

_SINGLE = ("bios", "system", "chassis")


def read_system_information(domain: Element) -> SystemInformation:
    """Return mode, types, values and files; empty where the hypervisor decides."""
    blocks = domain.findall("sysinfo")
    return SystemInformation(
        smbios_mode=attribute(domain, "os/smbios", "mode"),
        types=[block.get("type") or "" for block in blocks],
        values=sorted(value for block in blocks for value in _values(block)),
        files=[
            HostPath(path=path)
            for block in blocks
            for entry in block.iterfind("entry")
            if (path := entry.get("file"))
        ],
    )


def _values(block: Element) -> Iterator[str]:
    for name in _SINGLE:
        yield from _entries(name, block.find(name))
    for number, board in enumerate(block.iterfind("baseBoard")):
        yield from _entries(f"baseBoard.{number}", board)


def _entries(name: str, parent: Element | None) -> Iterator[str]:
    for entry in parent.iterfind("entry") if parent is not None else ():
        if entry.text:
            yield f"{name}.{entry.get('name')}={entry.text}"
