"""The guest's share of what its host has."""

from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import GuestTuning
from vmfit_agent.xml_document import U64_MAXIMUM, child_text, number


def read_tuning(domain: Element) -> GuestTuning | None:
    """Return the weights; None when the XML sets none. Source: libvirt formatdomain, CPU tuning."""
    tuning = GuestTuning(
        cpu_shares=number(child_text(domain, "cputune/shares"), U64_MAXIMUM),
        block_weight=number(child_text(domain, "blkiotune/weight"), U64_MAXIMUM),
    )
    return tuning if tuning.ListFields() else None
