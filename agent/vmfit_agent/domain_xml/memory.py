"""The guest's memory and NUMA nodes."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import (
    GuestHugePages,
    GuestMemory,
    GuestNodePlacement,
    GuestNuma,
    GuestNumaCell,
    MemoryDevice,
)
from vmfit_agent.domain_xml.paths import host_path
from vmfit_agent.xml_document import (
    U64_MAXIMUM,
    attribute,
    child_text,
    id_set,
    number,
    size_bytes,
    sized,
)

# libvirt writes "unlimited" as the largest number of KiB that fits; nobody sets a limit near it.
_UNLIMITED_BYTES = 2**62


def read_memory(domain: Element) -> GuestMemory:
    """Return sizes in bytes and how the host must back them.

    Without <memory> the guest has what its NUMA nodes have; without <currentMemory> the balloon
    is at the maximum.
    """
    cells = sum(cell.memory_bytes for cell in read_numa(domain).cells)
    maximum = size_bytes(domain, "memory") or min(cells, U64_MAXIMUM)
    backing = domain.find("memoryBacking")
    limit = size_bytes(domain, "memtune/hard_limit")
    slots = number(attribute(domain, "maxMemory", "slots"))
    return GuestMemory(
        maximum_bytes=maximum,
        current_bytes=size_bytes(domain, "currentMemory") or maximum,
        hotplug_maximum_bytes=size_bytes(domain, "maxMemory"),
        slot_count=slots,
        locked=backing is not None and backing.find("locked") is not None,
        preallocated=attribute(backing, "allocation", "mode") == "immediate",
        source_type=attribute(backing, "source", "type"),
        access=attribute(backing, "access", "mode"),
        huge_pages=list(_huge_pages(domain)),
        uses_huge_pages=backing is not None and backing.find("hugepages") is not None,
        hard_limit_bytes=limit if limit and limit < _UNLIMITED_BYTES else None,
        devices=[_memory_device(device) for device in domain.iterfind("devices/memory")],
    )


def _huge_pages(domain: Element) -> Iterator[GuestHugePages]:
    pages = domain.findall("memoryBacking/hugepages/page")
    for page in pages:
        yield GuestHugePages(
            size_bytes=sized(page.get("size"), page.get("unit")),
            guest_node_ids=id_set(page.get("nodeset")),
        )
    if not pages and domain.find("memoryBacking/hugepages") is not None:
        yield GuestHugePages()


def _memory_device(device: Element) -> MemoryDevice:
    return MemoryDevice(
        model=device.get("model") or "",
        size_bytes=size_bytes(device, "target/size") or 0,
        guest_node_id=number(child_text(device, "target/node")),
        slot=number(attribute(device, "address", "slot")),
        base_address=number(
            attribute(device, "address", "base") or attribute(device, "target/address", "base"),
            U64_MAXIMUM,
        ),
        page_size_bytes=size_bytes(device, "source/pagesize"),
        source=host_path(child_text(device, "source/path")),
    )


def read_numa(domain: Element) -> GuestNuma:
    """Return the guest's NUMA nodes and the host's nodes their memory comes from.

    Cells without an id are numbered in the XML's order.
    """
    policy = domain.find("numatune/memory")
    return GuestNuma(
        cells=[
            GuestNumaCell(
                cell_id=index if (own := number(cell.get("id"))) is None else own,
                vcpu_ids=id_set(cell.get("cpus")),
                memory_bytes=sized(cell.get("memory"), cell.get("unit")) or 0,
                access=cell.get("memAccess"),
            )
            for index, cell in enumerate(domain.iterfind("cpu/numa/cell"))
        ],
        memory_mode=None if policy is None else policy.get("mode") or "strict",
        host_node_ids=id_set(attribute(policy, ".", "nodeset")),
        placements=[
            GuestNodePlacement(
                cell_id=cell_id,
                memory_mode=node.get("mode") or "strict",
                host_node_ids=id_set(node.get("nodeset")),
            )
            for node in domain.iterfind("numatune/memnode")
            if (cell_id := number(node.get("cellid"))) is not None
        ],
        placement=attribute(policy, ".", "placement"),
    )
