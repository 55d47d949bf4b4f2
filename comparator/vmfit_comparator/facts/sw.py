"""Facts about software versions on both hosts."""

import shlex

from vmfit.v1.finding_pb2 import Consequence, Remedy
from vmfit.v1.hypervisor_pb2 import HypervisorConnection
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.connections import connection_for, guest_archs_for
from vmfit_comparator.knowledge.regressions import matching_regressions
from vmfit_comparator.knowledge.versions import kernel_version, version_text

_EXECUTABLE = 0o111
_CONNECTIONS = ("source.hypervisor.connections", "destination.hypervisor.connections")
_VM = ("vm.domain_type", "vm.connection_uri")


def _connections(
    case: Case,
) -> tuple[HypervisorConnection | None, HypervisorConnection | None]:
    vm = case.vm
    return connection_for(vm, case.source), connection_for(vm, case.destination)


@fact(
    "sw.qemu_version",
    question="Is the destination's hypervisor at least as new as the source's?",
    reads=_CONNECTIONS,
    also_reads=_VM,
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def qemu_version(case: Case) -> Result:
    """Compare the hypervisor's versions.

    The same or newer is YES; an older release of the same major version PROBABLY_NO, an older major
    version NO: nobody tests migrating to it. It does not decide: a guest whose machine type is
    there (machine.type) mostly migrates all the same, and distributions port fixes back.

    Source: virConnectGetVersion.
    """
    source, destination = _connections(case)
    before = source.hypervisor_version if source else 0
    after = destination.hypervisor_version if destination else 0
    if not before or not after:
        side = "destination" if before else "source"
        missing = f"{side}.hypervisor.connections.hypervisor_version"
        return no_idea(f"the {side}'s hypervisor version is not known", missing=[missing])
    text = f"source {version_text(before)}, destination {version_text(after)}"
    if after >= before:
        return yes(text)
    remedy = upgrade("QEMU", version_text(before))
    if after // 1_000_000 == before // 1_000_000:
        return probably_no(text, probability=0.4, remedies=[remedy])
    return no(text, remedies=[remedy])


@fact(
    "sw.libvirt_version",
    question="Is the destination's libvirt at least as new as the source's?",
    reads=_CONNECTIONS,
    also_reads=_VM,
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def libvirt_version(case: Case) -> Result:
    """Compare the libvirt versions.

    The same or newer is YES, older PROBABLY_NO: it may not know something in the domain's XML. It
    does not decide: libvirt migrates to older versions as long as the definition uses nothing new.

    Source: virConnectGetLibVersion.
    """
    source, destination = _connections(case)
    before = source.libvirt_version if source else 0
    after = destination.libvirt_version if destination else 0
    if not before or not after:
        side = "destination" if before else "source"
        missing = f"{side}.hypervisor.connections.libvirt_version"
        return no_idea(f"the {side}'s libvirt version is not known", missing=[missing])
    text = f"source {version_text(before)}, destination {version_text(after)}"
    if after >= before:
        return yes(text)
    return probably_no(text, probability=0.4, remedies=[upgrade("libvirt", version_text(before))])


@fact(
    "sw.kernel_version",
    question="Is the destination's kernel the same as the source's, or newer?",
    reads=("source.kernel.release", "destination.kernel.release"),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def kernel(case: Case) -> Result:
    """Compare the kernel releases.

    The same is YES, newer PROBABLY_YES, older PROBABLY_NO. It does not decide: what a
    kernel takes away or adds shows in the CPU features that the hypervisor reports.

    Source: uname(2).
    """
    before, after = case.source.kernel.release, case.destination.kernel.release
    text = f"source {before}, destination {after}"
    if before == after:
        return yes(text)
    versions = kernel_version(before), kernel_version(after)
    if not all(versions):
        return no_idea(f"{text}: these versions cannot be compared")
    if versions[1] >= versions[0]:
        return probably_yes(text)
    return probably_no(text, probability=0.4, remedies=[upgrade("the kernel", before)])


@fact(
    "sw.known_regression",
    question="Is this pair of software versions free of known migration bugs?",
    reads=(*_CONNECTIONS, "source.kernel.release", "destination.kernel.release"),
    also_reads=(
        *_VM,
        "options",
        "vm.architecture",
        "vm.machine_type",
        "vm.cpu",
        "vm.hypervisor_features",
        "vm.other_devices",
        "source.cpu.features",
        "source.cpu.vendor",
        "destination.cpu.features",
    ),
)
@unless_offline
def known_regression(case: Case) -> Result:
    """Look the versions up in the list of known migration bugs.

    No match is YES. A match is PROBABLY_NO with its reference: distributions may have
    ported the fix back. An entry may also ask for what the guest has and how it is migrated.

    Source: vmfit_comparator/knowledge/known_regressions.yaml.
    """
    found = matching_regressions(case)
    if not found:
        return yes("no known migration bug concerns these versions")
    text = "; ".join(f"{each.summary} ({', '.join(each.references)})" for each in found)
    return probably_no(
        text, probability=0.2, remedies=[upgrade(each.package, each.fixed_in) for each in found]
    )


@fact(
    "sw.emulator_path",
    question="Is the emulator that the definition names on the destination?",
    applies_if=("incoming.emulator",),
    reads=("incoming.emulator",),
    also_reads=(
        "destination.hypervisor.connections",
        "incoming.architecture",
        "incoming.os_type",
        "incoming.domain_type",
        "incoming.connection_uri",
    ),
)
def emulator_path(case: Case) -> Result:
    """Ask whether the emulator's path exists on the destination.

    There is YES, and so is a path that the destination's libvirt has capabilities of. Absent is NO;
    the remedy names the emulator that is there, to be given with --xml. A file that nobody may
    execute is NO. NO_IDEA when nobody looked.

    Source: stat(2); virConnectGetDomainCapabilities.
    """
    emulator = case.incoming.emulator
    connection = connection_for(case.incoming, case.destination)
    known: set[str] = set()
    other = ""
    if connection is not None:
        known = {each.emulator_path for each in connection.domain_capabilities}
        for arch in guest_archs_for(case.incoming, connection):
            known.add(arch.emulator_path)
            other = arch.emulator_path
    if emulator.exists and emulator.HasField("mode") and not emulator.mode & _EXECUTABLE:
        command = f"chmod +x {shlex.quote(emulator.path)}"
        remedy = Remedy(summary=f"Make {emulator.path} executable", command=command)
        return no(f"{emulator.path} may not be executed there", remedies=[remedy])
    if emulator.exists or (not emulator.HasField("exists") and emulator.path in known):
        return yes(f"{emulator.path} is there")
    if not emulator.HasField("exists"):
        missing = "incoming.emulator.exists"
        return no_idea(f"nobody looked for {emulator.path} there", missing=[missing])
    remedies = [upgrade(emulator.path, "")]
    if other:
        summary = f"Give the destination {other} as emulator, with --xml"
        remedies.insert(0, change_definition(summary, "devices/emulator", other))
    return no(f"{emulator.path} is not there", remedies=remedies)


FACTS = (qemu_version, libvirt_version, kernel, known_regression, emulator_path)
