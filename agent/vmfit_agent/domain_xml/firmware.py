"""The guest's firmware images and tables."""

from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import Firmware, HostPath
from vmfit_agent.domain_xml.paths import host_path
from vmfit_agent.xml_document import attribute, child_text, flag


def read_firmware(domain: Element) -> Firmware:
    """Return what <os> says of firmware; empty for the hypervisor's default."""
    system = domain.find("os")
    nvram = child_text(system, "nvram") or attribute(system, "nvram/source", "file")
    tables = [
        HostPath(path=text.strip())
        for path in ("os/acpi/table", "os/dtb")
        for element in domain.iterfind(path)
        if (text := element.text or "").strip()
    ]
    return Firmware(
        auto_type=attribute(system, ".", "firmware"),
        loader=host_path(child_text(system, "loader")),
        loader_type=attribute(system, "loader", "type"),
        secure=flag(attribute(system, "loader", "secure")),
        nvram=host_path(nvram or attribute(system, "nvram/source", "dev")),
        nvram_template=host_path(attribute(system, "nvram", "template")),
        tables=tables,
    )
