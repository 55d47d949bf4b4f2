"""The guest's CPU and vCPUs."""

from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import (
    CpuFeature,
    GuestCpu,
    GuestTopology,
    GuestVcpus,
    IothreadPin,
    VcpuPin,
)
from vmfit_agent.xml_document import attribute, child_text, id_set, number


def read_cpu(domain: Element) -> GuestCpu | None:
    """Return <cpu> as it stands, its features not expanded; None when there is none.

    A model without a mode is "custom", as libvirt reads it.
    """
    element = domain.find("cpu")
    if element is None:
        return None
    model = child_text(element, "model")
    cpu = GuestCpu(
        mode=element.get("mode") or ("custom" if model else None),
        match=element.get("match"),
        check=element.get("check"),
        migratable=element.get("migratable"),
        model=model,
        fallback=attribute(element, "model", "fallback"),
        vendor=child_text(element, "vendor"),
        features=[
            CpuFeature(name=name, policy=feature.get("policy") or "require")
            for feature in element.iterfind("feature")
            if (name := feature.get("name"))
        ],
        physical_address_mode=attribute(element, "maxphysaddr", "mode"),
        physical_address_bits=number(attribute(element, "maxphysaddr", "bits")),
        physical_address_limit_bits=number(attribute(element, "maxphysaddr", "limit")),
        cache_mode=attribute(element, "cache", "mode"),
    )
    topology = element.find("topology")
    if topology is not None:
        cpu.topology.CopyFrom(_topology(topology))
    return cpu


def _topology(element: Element) -> GuestTopology:
    def count(name: str) -> int:
        # libvirt leaves out what is one: dies before 6.0, clusters before 10.1.
        return number(element.get(name)) or 1

    return GuestTopology(
        socket_count=count("sockets"),
        die_count=count("dies"),
        cluster_count=count("clusters"),
        core_count=count("cores"),
        thread_count=count("threads"),
    )


def read_vcpus(domain: Element) -> GuestVcpus:
    """Return the numbers of vCPUs and where they are pinned; one vCPU when the XML says none."""
    maximum = number(child_text(domain, "vcpu")) or 1
    return GuestVcpus(
        current_count=number(attribute(domain, "vcpu", "current")) or maximum,
        maximum_count=maximum,
        placement=attribute(domain, "vcpu", "placement"),
        cpu_ids=id_set(attribute(domain, "vcpu", "cpuset")),
        pins=[
            VcpuPin(vcpu_id=vcpu, cpu_ids=id_set(pin.get("cpuset")))
            for pin in domain.iterfind("cputune/vcpupin")
            if (vcpu := number(pin.get("vcpu"))) is not None
        ],
        emulator_cpu_ids=id_set(attribute(domain, "cputune/emulatorpin", "cpuset")),
        iothread_pins=[
            IothreadPin(iothread_id=thread, cpu_ids=id_set(pin.get("cpuset")))
            for pin in domain.iterfind("cputune/iothreadpin")
            if (thread := number(pin.get("iothread"))) is not None
        ],
    )
