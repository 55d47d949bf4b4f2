"""Changes to a healthy migration that concern the guest's CPU."""

from tests.comparator.healthy import FEATURES
from vmfit_contract.cpu_features import Msr, feature

CONNECTION = "hypervisor.connections[0]"
CAPABILITIES = f"destination.{CONNECTION}.domain_capabilities[0]"
HOST_MODEL = f"{CAPABILITIES}.host_model"
TCG_MODEL = f"destination.{CONNECTION}.domain_capabilities[1].host_model"
NO_AVX2 = [each for each in FEATURES if each != "avx2"]


def registers(names):
    """The leaves, and the feature MSRs, that show exactly these features."""
    leaves, msrs = {}, {}
    for bit in map(feature, names):
        if isinstance(bit.place, Msr):
            index = bit.place.address
            # Of a control: may be 1, need not.
            high = 32 if bit.place.is_control else 0
            msrs[index] = msrs.get(index, 0) | 1 << bit.number + high
            continue
        place = bit.place.leaf, bit.place.subleaf
        leaf = leaves.setdefault(place, {"leaf": place[0], "subleaf": place[1]})
        leaf[bit.place.register] = leaf.get(bit.place.register, 0) | 1 << bit.number
    return list(leaves.values()), [{"index": index, "value": msrs[index]} for index in msrs]


def kvm_says(names, side="destination"):
    leaves, msrs = registers(names)
    return {
        f"{side}.cpu.kvm": {"supportedLeaves": leaves, "featureMsrs": msrs},
        f"{side}.{CONNECTION}.domain_capabilities": [],
    }


def processor_shows(names, side):
    leaves, msrs = registers(names)
    return {f"{side}.cpu.core_kinds": [{"leaves": leaves}], f"{side}.cpu.msrs": msrs}


def capabilities(machine_type, names):
    """Domain capabilities of KVM guests with this machine type."""
    return {
        "emulatorPath": "/usr/bin/qemu-system-x86_64",
        "domainType": "kvm",
        "machineType": machine_type,
        "architecture": "x86_64",
        "hostModel": {"model": "Skylake", "vendor": "Intel", "expanded": True, "features": names},
    }


NO_CAPABILITIES = {f"destination.{CONNECTION}.domain_capabilities": []}
TCG = {"vm.domain_type": "qemu"}
OFFLINE = {"options.offline": True}


def with_policy(policy, *names):
    return {"vm.cpu.features": [{"name": name, "policy": policy} for name in names]}


def seen(*names):
    return {"vm.cpu.expanded_features": [*FEATURES, *names]}


LOST_BOTH = {
    f"hosts.{CONNECTION}.domain_capabilities[0].host_model.features": NO_AVX2,
}
