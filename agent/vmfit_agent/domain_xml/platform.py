"""Hypervisor features and timers."""

from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import HypervisorFeatures, Timer
from vmfit_agent.xml_document import U64_MAXIMUM, attribute, flag, number

_GROUPS = frozenset(("hyperv", "kvm", "xen", "tcg"))


def read_hypervisor_features(domain: Element) -> HypervisorFeatures:
    """Return what <features> switches on, in the XML's order; a value follows after a colon."""
    return HypervisorFeatures(
        enabled=[
            _name(element)
            for element in domain.iterfind("features/*")
            if element.tag not in _GROUPS and element.get("state") != "off"
        ],
        hyperv=_switched_on(domain, "features/hyperv/*"),
        hyperv_mode=attribute(domain, "features/hyperv", "mode"),
        kvm=_switched_on(domain, "features/kvm/*"),
    )


def _name(element: Element) -> str:
    value = element.get("driver") or element.get("version")
    return f"{element.tag}:{value}" if value else element.tag


def _switched_on(domain: Element, path: str) -> list[str]:
    return [element.tag for element in domain.iterfind(path) if element.get("state") == "on"]


def read_timers(domain: Element) -> list[Timer]:
    """Return the timers of <clock>; a timer without `present` is the hypervisor's default."""
    return [
        Timer(
            name=element.get("name") or "",
            present=flag(element.get("present")),
            frequency_hz=number(element.get("frequency"), U64_MAXIMUM),
            mode=element.get("mode"),
            tick_policy=element.get("tickpolicy"),
        )
        for element in domain.iterfind("clock/timer")
    ]
