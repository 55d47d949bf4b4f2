"""When a fact applies: as data, beside what it decides."""

from dataclasses import dataclass

from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.field_path import FieldPath, field_path

QEMU = ("kvm", "qemu", "hvf")
"""The types of domains that libvirt's QEMU driver runs."""
KVM = ("kvm",)
X86 = ("x86_64", "i686")
POWER = ("ppc64", "ppc64le")
S390 = ("s390x",)

_OFFLINE = field_path("options.offline")
_TYPE = (field_path("vm.domain_type"), field_path("vm.connection_uri"))
_ARCHITECTURE = field_path("vm.architecture")


@dataclass(frozen=True, slots=True)
class Applicability:
    """The VMs and migrations that a fact is about."""

    hypervisors: tuple[str, ...] = ()
    """Types of domains; "ch" is Cloud Hypervisor. Empty: any."""
    architectures: tuple[str, ...] = ()
    """Of the guest; empty: any."""
    offline: bool = False
    """Asked about an offline migration too."""
    any_of: tuple[FieldPath, ...] = ()
    """At least one must be set (a list not empty, a flag true); empty: the fact always applies."""

    @property
    def reads(self) -> tuple[FieldPath, ...]:
        """What decides whether the fact applies."""
        return (
            *(() if self.offline else (_OFFLINE,)),
            *(_TYPE if self.hypervisors else ()),
            *((_ARCHITECTURE,) if self.architectures else ()),
            *self.any_of,
        )

    def why_not(self, case: Case) -> str:
        """Return why the fact is not about this case, but for `any_of`; empty when it may be."""
        if not self.offline and case.options.offline:
            return "an offline migration only defines the VM on the destination"
        if self.hypervisors and (kind := domain_type(case.vm)) not in self.hypervisors:
            wanted = _listed(self.hypervisors)
            return f"for guests of type {wanted}, not {kind or 'of an unknown one'}"
        if self.architectures and case.vm.architecture not in self.architectures:
            wanted, found = _listed(self.architectures), case.vm.architecture
            return f"for {wanted} guests, not {found or 'of an unknown architecture'}"
        return ""


def domain_type(vm: Vm) -> str:
    """Return the domain's type; Cloud Hypervisor runs domains of type kvm, and is "ch" by its URI.

    Empty when it is not known.
    """
    return "ch" if vm.connection_uri.startswith("ch:") else vm.domain_type


def _listed(words: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


ANY = Applicability()
"""Every guest that runs."""
