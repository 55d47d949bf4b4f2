"""Can the guest's virtiofs shares migrate?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import detach, upgrade
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
)
from vmfit_comparator.knowledge.connections import (
    destination_hypervisor_version,
    source_connection,
)
from vmfit_comparator.knowledge.versions import version_text

_QEMU_WITH_VIRTIOFS = 8_002_000


_LIBVIRT_WITH_VIRTIOFS = 10_010_000


_VIRTIOFSD = (1, 11)


_QEMU_VIRTIOFSD = (5,)


@fact(
    applies_if="vm.filesystems",
    needs=("vm.filesystems", "source.hypervisor"),
    reads=(
        "source.hypervisor.connections.hypervisor_version",
        "source.hypervisor.connections.libvirt_version",
        *("source.hypervisor.virtiofsd_version", "destination.hypervisor.virtiofsd_version"),
    ),
)
def virtiofs(case: Case) -> Result:
    """Ask whether QEMU, libvirt and virtiofsd carry the state of virtiofs shares.

    QEMU before 8.2 blocks the migration: NO. libvirt before 10.10 or a virtiofsd before 1.11 on
    either host refuses it: PROBABLY_NO. Newer ones PROBABLY_YES; without versions NO_IDEA.

    Source: QEMU's vhost-user-fs device; virtiofsd's changelog.
    """
    shares = [each.target for each in case.vm.filesystems if each.driver == "virtiofs"]
    if not shares:
        return not_applicable("does not apply: the VM has no virtiofs share")
    named = f"virtiofs share {', '.join(shares)}"
    remedies = [detach(named)]
    connection = source_connection(case)
    if connection is None or not connection.hypervisor_version:
        return no_idea(
            "the source's QEMU version is not known",
            missing=["source.hypervisor.connections.hypervisor_version"],
        )
    if connection.hypervisor_version < _QEMU_WITH_VIRTIOFS:
        version = version_text(connection.hypervisor_version)
        # A QEMU that is newer on the source than on the destination is worse.
        there = destination_hypervisor_version(case) < _QEMU_WITH_VIRTIOFS
        return no(
            f"QEMU {version} does not migrate {named}",
            remedies=[*remedies, upgrade("QEMU", "8.2", on_source=not there)],
        )
    if connection.libvirt_version < _LIBVIRT_WITH_VIRTIOFS:
        return probably_no(
            f"libvirt {version_text(connection.libvirt_version)} refuses {named}", remedies=remedies
        )
    return _virtiofsd(named, case)


def _virtiofsd(named: str, case: Case) -> Result:
    versions = [each.hypervisor.virtiofsd_version for each in (case.source, case.destination)]
    if not all(versions):
        return no_idea(
            "virtiofsd's version is not known", missing=["destination.hypervisor.virtiofsd_version"]
        )
    # The virtiofsd that QEMU shipped until 8.0 has QEMU's version, and carries no state.
    if not all(_VIRTIOFSD <= _version(each) < _QEMU_VIRTIOFSD for each in versions):
        return probably_no(
            f"virtiofsd {' and '.join(versions)}: both must be 1.11 or newer",
            remedies=[detach(named), upgrade("virtiofsd", "1.11")],
        )
    return probably_yes(f"QEMU, libvirt and virtiofsd carry {named}", probability=0.7)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
