"""The host's processors."""

from collections.abc import Mapping, Sequence

from vmfit.v1.cpu_pb2 import CoreKind, Cpu, CpuidLeaf, KvmCpu, Msr, Xsave
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import exists, list_names, read_text, read_word
from vmfit_agent.processors import cpu_msr, kvm
from vmfit_agent.processors.architecture import libvirt_name, machine
from vmfit_agent.processors.arm_kinds import FILES as ARM_FILES
from vmfit_agent.processors.arm_kinds import read_arm_kinds
from vmfit_agent.processors.cpu_info import CpuInfo, parse_cpuinfo
from vmfit_agent.processors.cpu_kinds import Kind, read_kinds, without_ids
from vmfit_agent.processors.cpu_sets import read_cpu_list
from vmfit_agent.processors.cpu_topology import online_cpu_ids, read_topology
from vmfit_agent.processors.cpuid import Leaves, vendor
from vmfit_agent.processors.kernel_flags import features_of_kernel_flags
from vmfit_agent.processors.kvm import Kvm
from vmfit_agent.processors.time_stamp_counter import read_time_stamp_counter
from vmfit_contract.cpu_features import Bit, cpuid_features, msr_features, names, own_leaves

FILES = (
    "proc/cpuinfo",
    "proc/version",
    "proc/sys/kernel/arch",
    "sys/devices/system/cpu/online",
    "sys/devices/system/cpu/isolated",
    "sys/devices/system/cpu/smt/control",
    "sys/devices/system/cpu/vulnerabilities/*",
    "sys/devices/system/cpu/cpu0/tsc_freq_khz",
    "sys/devices/system/cpu/cpu*/online",
    "sys/devices/system/cpu/cpu*/microcode/version",
    "sys/devices/system/cpu/cpu*/topology/*",
    "sys/devices/cpu_core/cpus",
    "sys/devices/cpu_atom/cpus",
    "sys/module/kvm_*/parameters/nested",
    "dev/cpu/*/cpuid",
    "dev/cpu/0/msr",
    *ARM_FILES,
)
_CPUS = "sys/devices/system/cpu"
_NOTHING = (0, 0, 0, 0)


def collect(host: Host) -> Cpu:
    """Return the processors; without CPUID, `features` lacks those that the kernel does not show.

    Raises ValueError when no processor can be found, or a file is malformed.
    Source: CPUID, /proc/cpuinfo, /sys/devices/system/cpu, /dev/kvm.
    """
    info = parse_cpuinfo(read_text(host, "proc/cpuinfo") or "")
    online = online_cpu_ids(host, info.cpu_ids)
    if not online:
        raise ValueError("/sys/devices/system/cpu and /proc/cpuinfo name no processor")
    architecture = libvirt_name(machine(host))
    x86 = architecture in {"x86_64", "i686"}
    cpu = Cpu(
        architecture=architecture,
        kernel_flags=sorted(info.flags),
        microcode_revisions=_microcode_revisions(host, online, info),
        topology=read_topology(host, online),
        online_cpu_ids=online,
        isolated_cpu_ids=read_cpu_list(host, f"{_CPUS}/isolated"),
        vulnerabilities=_vulnerabilities(host),
        smt_control=read_word(host, f"{_CPUS}/smt/control"),
    )
    answers = _ask_kvm(host, x86=x86)
    if answers is not None:
        cpu.kvm.CopyFrom(_kvm_cpu(host, answers))
    _identify_from_kernel(cpu, info)
    if not x86:
        cpu.features.extend(sorted(info.flags))
        cpu.core_kinds.extend(read_arm_kinds(host, online))
        return cpu
    kinds = read_kinds(host, online)
    cpu.core_kinds.extend(_core_kind(host, kind) for kind in kinds)
    if kinds:
        _identify_from_cpuid(cpu, kinds[0].leaves)
    cpu.features.extend(names(_features(host, cpu, kinds, info, answers)))
    cpu.tsc.CopyFrom(read_time_stamp_counter(host, kinds[0].leaves if kinds else {}, answers))
    return cpu


def _identify_from_kernel(cpu: Cpu, info: CpuInfo) -> None:
    for name in (
        "vendor", "model_name", "family", "model", "stepping",
        "physical_address_bits", "virtual_address_bits",
    ):  # fmt: skip
        value = getattr(info, name)
        if value is not None:
            setattr(cpu, name, value)


def _identify_from_cpuid(cpu: Cpu, leaves: Leaves) -> None:
    cpu.vendor = vendor(leaves)
    signature = leaves.get((1, 0), _NOTHING)[0]
    family, model = signature >> 8 & 0xF, signature >> 4 & 0xF
    # The extended parts count for these families alone.
    cpu.model = model + (signature >> 12 & 0xF0) if family >= 6 else model
    cpu.family = family + (signature >> 20 & 0xFF) if family == 0xF else family
    cpu.stepping = signature & 0xF
    words = [word for leaf in range(0x80000002, 0x80000005) for word in leaves.get((leaf, 0), ())]
    brand = b"".join(word.to_bytes(4, "little") for word in words).partition(b"\0")[0]
    if brand.strip():
        cpu.model_name = " ".join(brand.decode("ascii", "replace").split())
    sizes = leaves.get((0x80000008, 0))
    if sizes is not None:
        cpu.physical_address_bits = sizes[0] & 0xFF
        cpu.virtual_address_bits = sizes[0] >> 8 & 0xFF
    state = leaves.get((0xD, 0), _NOTHING)
    if state[0]:
        supervisor = leaves.get((0xD, 1), _NOTHING)
        cpu.xsave.CopyFrom(
            Xsave(
                feature_mask=state[3] << 32 | state[0],
                supervisor_mask=supervisor[3] << 32 | supervisor[2],
                maximum_size_bytes=state[2],
            )
        )


def _features(
    host: Host, cpu: Cpu, kinds: Sequence[Kind], info: CpuInfo, answers: Kvm | None
) -> set[Bit]:
    msrs = _msrs(host)
    cpu.msrs.extend(Msr(index=index, value=value) for index, value in sorted(msrs.items()))
    # libvirt, too, takes KVM's word where the registers cannot be read.
    if not msrs and answers is not None:
        msrs = answers.feature_msrs
    if kinds:
        features = set.intersection(*(cpuid_features(own_leaves(kind.leaves)) for kind in kinds))
    else:
        host.warn("features come from /proc/cpuinfo: those of mitigations are not known")
        features = features_of_kernel_flags(info.flags)
    return features | msr_features(msrs, features)


def _msrs(host: Host) -> Mapping[int, int]:
    try:
        return cpu_msr.read(f"{host.root}/dev/cpu/0/msr")
    except FileNotFoundError:
        host.warn("/dev/cpu/0/msr: no such file (the module msr is not loaded)")
    except OSError as error:
        host.warn(f"/dev/cpu/0/msr: {error.strerror}")
    return {}


def _core_kind(host: Host, kind: Kind) -> CoreKind:
    core_type = kind.core_type or _core_type_of_kernel(host, kind.cpu_ids[0])
    return CoreKind(
        first_cpu_id=kind.cpu_ids[0],
        cpu_ids=kind.cpu_ids,
        core_type=core_type,
        leaves=_leaves(kind.leaves),
    )


def _core_type_of_kernel(host: Host, cpu_id: int) -> str | None:
    for core_type in ("core", "atom"):
        if cpu_id in (read_cpu_list(host, f"sys/devices/cpu_{core_type}/cpus") or []):
            return core_type
    return None


def _leaves(leaves: Leaves) -> list[CpuidLeaf]:
    return [
        CpuidLeaf(leaf=leaf, subleaf=subleaf, eax=eax, ebx=ebx, ecx=ecx, edx=edx)
        for (leaf, subleaf), (eax, ebx, ecx, edx) in leaves.items()
    ]


def _ask_kvm(host: Host, *, x86: bool) -> Kvm | None:
    if not host.is_live or not exists(host, "dev/kvm"):
        return None
    try:
        return kvm.read("/dev/kvm", x86=x86)
    except OSError as error:
        host.warn(f"/dev/kvm: {error.strerror}")
        return None


def _kvm_cpu(host: Host, answers: Kvm) -> KvmCpu:
    part = KvmCpu(
        # The ids are those of whichever CPU the agent ran on.
        supported_leaves=_leaves(without_ids(answers.supported_leaves)),
        feature_msrs=[Msr(index=i, value=value) for i, value in answers.feature_msrs.items()],
        maximum_vcpu_count=answers.maximum_vcpu_count,
        hyperv=answers.hyperv,
        smm=answers.smm,
    )
    for module in ("kvm_intel", "kvm_amd", "kvm"):
        word = read_word(host, f"sys/module/{module}/parameters/nested")
        if word is not None:
            part.nested = word in {"Y", "1"}
            break
    return part


def _microcode_revisions(host: Host, online: Sequence[int], info: CpuInfo) -> list[str]:
    revisions = set(info.microcode_revisions)
    if not revisions:
        words = [read_word(host, f"{_CPUS}/cpu{cpu}/microcode/version") or "" for cpu in online]
        revisions = {int(word, 16) for word in words if word.startswith("0x")}
    return [f"{revision:#x}" for revision in sorted(revisions)]


def _vulnerabilities(host: Host) -> dict[str, str]:
    directory = f"{_CPUS}/vulnerabilities"
    words = {name: read_word(host, f"{directory}/{name}") for name in list_names(host, directory)}
    return {name: word for name, word in words.items() if word is not None}
