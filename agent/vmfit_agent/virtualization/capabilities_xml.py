"""Turns libvirt's capabilities and domain capabilities into typed messages."""

from functools import lru_cache
from xml.etree.ElementTree import Element

from vmfit.v1.hypervisor_pb2 import (
    CpuMode,
    CpuModelUsability,
    DeviceClass,
    DeviceEnum,
    DomainCapabilities,
    FirmwareCapabilities,
    GuestArch,
    HostCpuModel,
    HypervisorConnection,
    MachineType,
    NamedSupport,
    SecurityModel,
)
from vmfit_agent.xml_document import (
    U64_MAXIMUM,
    attribute,
    child_text,
    flag,
    number,
    parse_document,
    sized,
)

# Capabilities of a large host with every emulator are some hundred KiB.
_MAXIMUM_BYTES = 16 * 1024 * 1024

_ADDED = frozenset(("require", "force"))
_REMOVED = frozenset(("disable", "forbid"))


def parse_capabilities(xml: str) -> HypervisorConnection:
    """Return what the capabilities XML tells; the CPU's features are not expanded.

    Lists keep the XML's order. The message is the caller's own.
    Raises MalformedXml. Source: libvirt formatcaps.
    """
    connection = HypervisorConnection()
    connection.CopyFrom(_capabilities(xml))
    return connection


@lru_cache(maxsize=8)
def host_architecture(xml: str) -> str:
    """Return the host's architecture from the capabilities XML, empty when it names none."""
    return child_text(parse_document(xml, "capabilities", _MAXIMUM_BYTES), "host/cpu/arch") or ""


def parse_domain_capabilities(xml: str) -> DomainCapabilities:
    """Return what the domain capabilities XML tells; the host-model CPU is not expanded.

    Models are sorted by name, everything else keeps the XML's order. The message is the
    caller's own. Raises MalformedXml. Source: libvirt formatdomaincaps.
    """
    capabilities = DomainCapabilities()
    capabilities.CopyFrom(_domain_capabilities(xml))
    return capabilities


@lru_cache(maxsize=8)
def _capabilities(xml: str) -> HypervisorConnection:
    root = parse_document(xml, "capabilities", _MAXIMUM_BYTES)
    features = root.find("host/migration_features")
    cpu = root.find("host/cpu")
    connection = HypervisorConnection(
        host_uuid=(child_text(root, "host/uuid") or "").lower() or None,
        host_cpu=read_host_cpu(cpu) if cpu is not None else None,
        migration_transports=[
            (element.text or "").strip()
            for element in root.iterfind("host/migration_features/uri_transports/uri_transport")
        ],
        live_migration=features is not None and features.find("live") is not None,
        security_models=[_security_model(element) for element in root.iterfind("host/secmodel")],
        guest_archs=[
            _guest_arch(guest, arch)
            for guest in root.iterfind("guest")
            for arch in guest.iterfind("arch")
        ],
        page_sizes_bytes=[
            size
            for page in root.iterfind("host/cpu/pages")
            if (size := sized(page.get("size"), page.get("unit")))
        ],
    )
    if features is None:
        connection.ClearField("live_migration")
    return connection


def read_host_cpu(element: Element) -> HostCpuModel:
    """Return a <cpu>, or a host-model <mode>, with its additions and what it lacks, sorted."""
    named = [
        (feature.get("name") or "", feature.get("policy") or "require")
        for feature in element.iterfind("feature")
    ]
    counter = next(
        (found for found in element.iterfind("counter") if found.get("name") == "tsc"), None
    )
    return HostCpuModel(
        model=child_text(element, "model"),
        vendor=child_text(element, "vendor"),
        extra_features=sorted({name for name, policy in named if policy in _ADDED}),
        disabled_features=sorted({name for name, policy in named if policy in _REMOVED}),
        tsc_frequency_hz=number(attribute(counter, ".", "frequency"), U64_MAXIMUM),
        tsc_scaling=flag(attribute(counter, ".", "scaling")),
        physical_address_bits=number(
            attribute(element, "maxphysaddr", "bits") or attribute(element, "maxphysaddr", "limit")
        ),
    )


def _security_model(element: Element) -> SecurityModel:
    return SecurityModel(
        model=child_text(element, "model") or "",
        doi=child_text(element, "doi") or "",
        base_labels={
            label.get("type") or "": (label.text or "").strip()
            for label in element.iterfind("baselabel")
        },
    )


def _guest_arch(guest: Element, arch: Element) -> GuestArch:
    machines: dict[str, MachineType] = {}
    # A domain type may have machines of its own beside those of the architecture.
    for machine in (*arch.iterfind("machine"), *arch.iterfind("domain/machine")):
        name = (machine.text or "").strip()
        machines.setdefault(
            name,
            MachineType(
                name=name,
                canonical=machine.get("canonical"),
                max_vcpu_count=number(machine.get("maxCpus")),
                deprecated=machine.get("deprecated") == "yes",
            ),
        )
    return GuestArch(
        os_type=child_text(guest, "os_type") or "",
        architecture=arch.get("name") or "",
        word_size_bits=number(child_text(arch, "wordsize")) or 0,
        emulator_path=child_text(arch, "emulator") or child_text(arch, "domain/emulator"),
        domain_types=[domain.get("type") or "" for domain in arch.iterfind("domain")],
        machine_types=list(machines.values()),
    )


@lru_cache(maxsize=128)
def _domain_capabilities(xml: str) -> DomainCapabilities:
    root = parse_document(xml, "domainCapabilities", _MAXIMUM_BYTES)
    host_model = next(
        (mode for mode in root.iterfind("cpu/mode") if mode.get("name") == "host-model"), None
    )
    known = host_model is not None and host_model.find("model") is not None
    return DomainCapabilities(
        emulator_path=child_text(root, "path") or "",
        domain_type=child_text(root, "domain") or "",
        machine_type=child_text(root, "machine") or "",
        architecture=child_text(root, "arch") or "",
        max_vcpu_count=number(attribute(root, "vcpu", "max")),
        cpu_modes=[_cpu_mode(mode) for mode in root.iterfind("cpu/mode")],
        host_model=read_host_cpu(host_model) if known and host_model is not None else None,
        models=_models(root),
        firmware=_firmware(root),
        device_classes=[_device_class(element) for element in root.iterfind("devices/*")],
        features=_features(root),
        memory_backing_types=_values(root, "memoryBacking/enum[@name='sourceType']/value"),
        iothreads=attribute(root, "iothreads", "supported") == "yes",
    )


def _cpu_mode(mode: Element) -> CpuMode:
    return CpuMode(
        mode=mode.get("name") or "",
        supported=mode.get("supported") == "yes",
        migratable=[
            (value.text or "").strip()
            for enum in mode.iterfind("enum")
            if (enum.get("name") or "").endswith("Migratable")
            for value in enum.iterfind("value")
        ],
    )


def _models(root: Element) -> list[CpuModelUsability]:
    custom = "cpu/mode[@name='custom']"
    blockers = {
        element.get("model") or "": sorted(
            name for feature in element.iterfind("feature") if (name := feature.get("name"))
        )
        for element in root.iterfind(f"{custom}/blockers")
    }
    models = []
    for element in root.iterfind(f"{custom}/model"):
        name = (element.text or "").strip()
        vendor = element.get("vendor")
        models.append(
            CpuModelUsability(
                name=name,
                usable=flag(element.get("usable")),
                deprecated=element.get("deprecated") == "yes",
                vendor=None if vendor == "unknown" else vendor,
                blockers=blockers.get(name, []),
            )
        )
    return sorted(models, key=lambda model: model.name)


def _firmware(root: Element) -> FirmwareCapabilities:
    loader = "os/loader"
    return FirmwareCapabilities(
        auto_types=_values(root, "os/enum[@name='firmware']/value"),
        loader_paths=_values(root, f"{loader}/value"),
        loader_types=_values(root, f"{loader}/enum[@name='type']/value"),
        secure=_values(root, f"{loader}/enum[@name='secure']/value"),
    )


def _values(root: Element, path: str) -> list[str]:
    return [(value.text or "").strip() for value in root.iterfind(path)]


def _device_class(element: Element) -> DeviceClass:
    return DeviceClass(
        name=element.tag,
        supported=element.get("supported") == "yes",
        enums=[
            DeviceEnum(name=enum.get("name") or "", values=_values(enum, "value"))
            for enum in element.iterfind("enum")
        ],
    )


def _features(root: Element) -> list[NamedSupport]:
    """Return <features>; of Hyper-V and launch security also each kind, after a colon."""
    found = []
    for element in root.iterfind("features/*"):
        found.append(NamedSupport(name=element.tag, supported=element.get("supported") == "yes"))
        found.extend(
            NamedSupport(name=f"{element.tag}:{value}", supported=True)
            for enum in element.iterfind("enum")
            if element.tag in {"hyperv", "launchSecurity", "gic"}
            for value in _values(enum, "value")
        )
    return found
