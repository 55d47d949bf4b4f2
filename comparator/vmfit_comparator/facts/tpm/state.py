"""Can the destination run the guest's TPM with the state it has?"""

from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.vm_pb2 import Tpm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import detach, upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.capabilities import destination_capabilities
from vmfit_comparator.knowledge.connections import (
    destination_libvirt_version,
    source_libvirt_version,
)
from vmfit_comparator.knowledge.device_paths import served
from vmfit_comparator.knowledge.devices import tpms

# Which leaves the state alone that it shares with the source's swtpm.
_SWTPM_SHARES = (0, 8)


_LIBVIRT_SHARES = 8_010_000


@fact(
    each=tpms,
    applies_if="vm.tpms",
    reads=(
        *("source.hypervisor.swtpm_version", "destination.hypervisor.swtpm_version"),
        "destination.hypervisor.connections.domain_capabilities.device_classes",
    ),
)
def state(tpm: Tpm, case: Case) -> Result:
    """Ask libvirt for swtpm on the destination and compare its version.

    An emulated TPM needs swtpm there, by domain capabilities or as found: else NO. The same
    version is YES, a newer one PROBABLY_YES, an older one PROBABLY_NO, since state formats only
    grow. A state directory on a shared file system needs swtpm 0.8 and libvirt 8.10 on both hosts:
    else NO, and NO_IDEA when a version is not known.
    No way to write the state there is NO, and so is no socket of an external emulator.
    A passed-through TPM stays behind with its keys: NO.

    Source: virConnectGetDomainCapabilities: devices/tpm; swtpm's version; libvirt
    qemuTPMCanMigrateSharedStorage.
    """
    if tpm.backend == "passthrough":
        return no(
            f"TPM {tpm.device.path or 'of the host'} stays behind, with its keys",
            remedies=[detach("the TPM")],
        )
    if tpm.backend == "external" and tpm.device.path:
        socket = served(tpm.device, "incoming.tpms.device")
        if socket.answer != Answer.ANSWER_YES:
            return socket
    if tpm.backend != "emulator":
        return no_idea(f"a TPM of backend {tpm.backend} is not managed by libvirt")
    offered = _offered(tpm, case)
    source, destination = case.source.hypervisor, case.destination.hypervisor
    remedy = upgrade("swtpm", source.swtpm_version)
    if offered is False or (offered is None and not destination.HasField("swtpm_version")):
        wanted = f"emulated TPM {tpm.version}".rstrip()
        if destination.HasField("swtpm_version"):
            remedy = upgrade(f"a swtpm for an {wanted}", "")
        return no(f"the destination has no swtpm for an {wanted}", remedies=[remedy])
    below = tpm.state_directory.filesystem
    if below.read_only:
        return no(f"{below.mount_point}, for the TPM's state, is mounted read-only there")
    versions = (source.swtpm_version, destination.swtpm_version)
    if tpm.state_directory.filesystem.shared:
        return _with_shared_state(tpm.state_directory.path, versions, case)
    return _by_version(*versions)


def _with_shared_state(path: str, swtpms: tuple[str, str], case: Case) -> Result:
    libvirts = [source_libvirt_version(case), destination_libvirt_version(case)]
    # The destination's first: what is newer on the source than on the destination is worse.
    order = ((1, False), (0, True))
    old = [
        upgrade("swtpm", "0.8", on_source=here)
        for side, here in order
        if swtpms[side] and _version(swtpms[side]) < _SWTPM_SHARES
    ]
    old += [
        upgrade("libvirt", "8.10", on_source=here)
        for side, here in order
        if 0 < libvirts[side] < _LIBVIRT_SHARES
    ]
    if old:
        return no(
            f"{path} is shared, which needs swtpm 0.8 and libvirt 8.10 on both hosts; there is "
            f"swtpm {' and '.join(each or 'of an unknown version' for each in swtpms)}",
            remedies=old[:1],
        )
    for side, swtpm, libvirt in zip(("source", "destination"), swtpms, libvirts, strict=True):
        if not swtpm or not libvirt:
            field = "connections.libvirt_version" if swtpm else "swtpm_version"
            return no_idea(
                f"{path} is shared, and the {side}'s swtpm or libvirt may be too old for that",
                missing=[f"{side}.hypervisor.{field}"],
            )
    return _by_version(*swtpms)


def _by_version(source: str, destination: str) -> Result:
    if not source or not destination:
        return probably_yes("swtpm is there; its version was not compared")
    seen = f"swtpm {source} here, {destination} there"
    if _version(destination) < _version(source):
        return probably_no(
            f"{seen}: an older one may not know the state's format",
            probability=0.3,
            remedies=[upgrade("swtpm", source)],
        )
    if _version(destination) == _version(source):
        return yes(f"swtpm {source} on both hosts")
    return probably_yes(seen)


def _offered(tpm: Tpm, case: Case) -> bool | None:
    """Tell whether libvirt there offers this TPM; None when it does not say."""
    capabilities = destination_capabilities(case)
    if capabilities is None:
        return None
    device = next((each for each in capabilities.device_classes if each.name == "tpm"), None)
    if device is None:
        return None
    values = {each.name: each.values for each in device.enums}
    if not device.supported or "emulator" not in values.get("backendModel", ["emulator"]):
        return False
    # Without its own word for the version libvirt decides by the model.
    return not tpm.version or tpm.version in values.get("backendVersion", [tpm.version])


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.partition("-")[0].split(".") if part.isdigit())
