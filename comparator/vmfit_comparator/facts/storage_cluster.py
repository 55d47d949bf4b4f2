"""Facts about what is special to Ceph, LVM and Fibre Channel."""

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import BlockIdentity, Disk
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import define_secret, provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.disks import DiskPair, joined, pairs, used_in_place
from vmfit_comparator.knowledge.host_paths import block_identity

_DISKS = (
    "vm.disks",
    "source.block_devices.devices",
    "destination.block_devices.devices",
    "options.storage_copy",
    "options.copied_disks",
)


@fact(
    "storage.ceph",
    question="Can the destination open the guest's RBD images?",
    applies_if=("incoming.disks",),
    reads=("incoming.disks", "destination.libvirt_objects"),
    also_reads=("vm.secrets", "probes.disks"),
)
@unless_offline
def ceph(case: Case) -> Result:
    """Ask for the key of every RBD image, and for what a probe found.

    An image that a probe opened is YES, one that it could not open NO, one that did not answer in
    its time PROBABLY_NO. Else: the disk's secret is
    there with its value PROBABLY_YES; without value, or not at all, NO. A disk without a
    secret rests on the host's own keyring, PROBABLY_YES. No RBD images: not applicable.

    Source: libvirt's formatdomain, auth; virSecretLookup; QEMU's rbd driver.
    """
    outcomes = {
        disk.target: _image(disk, case)
        for disk in case.incoming.disks
        if disk.source.type == "network" and disk.source.protocol == "rbd"
    }
    return joined(outcomes, "no disk is an RBD image")


def _image(disk: Disk, case: Case) -> Result:
    for probe in case.probes.disks:
        if probe.target == disk.target and probe.HasField("answer"):
            if probe.answer.opens:
                return yes("it opens there")
            fails = probably_no if probe.answer.HasField("timed_out_seconds") else no
            return fails(f"it does not open: {probe.answer.reason}")
    used = [each for each in case.vm.secrets if each.user == f"disk {disk.target}"]
    for secret in used:
        found = [
            each
            for each in case.destination.libvirt_objects.secrets
            if each.uuid == secret.uuid or (secret.usage and each.usage_id == secret.usage)
        ]
        name = secret.uuid or secret.usage
        if not found:
            remedy = define_secret(secret.uuid, secret.usage, set_value=False)
            return no(f"the destination has no secret {name}", remedies=[remedy])
        if found[0].HasField("value_set") and not found[0].value_set:
            remedy = define_secret(secret.uuid, secret.usage, set_value=True)
            return no(f"secret {name} has no value there", remedies=[remedy])
    key = "its secret is there" if used else "it needs the host's own keyring"
    return probably_yes(f"{key}; nobody tried to open it")


@fact(
    "storage.lvm",
    question="Are the guest's logical volumes active on the destination?",
    applies_if=("incoming.disks",),
    reads=("incoming.disks", "destination.block_devices"),
    also_reads=_DISKS,
)
@unless_offline
def lvm(case: Case) -> Result:
    """Compare the LVM identity (of volume group and volume) behind each disk.

    The same volume active there is YES. Another volume of that path is NO. A volume that is not
    active there is NO; the remedy activates it when its volume group has others there, or one of
    its physical volumes is. Disks that are no logical volumes: not applicable.

    Source: device mapper's UUID "LVM-" VG-UUID LV-UUID; udev DM_VG_NAME, DM_LV_NAME.
    """
    outcomes = {}
    for pair in used_in_place(case):
        here = block_identity(pair.here.source.path, case.source)
        if here is not None and here.dm_uuid.startswith("LVM-"):
            outcomes[pair.there.target] = _volume(pair, here, case)
    return joined(outcomes, "no disk is a logical volume")


def _volume(pair: DiskPair, here: BlockIdentity, case: Case) -> Result:
    there = block_identity(pair.there.source.path, case.destination)
    path = pair.there.source.path.path
    if there is not None and there.dm_uuid == here.dm_uuid:
        return yes(f"{path} is the same logical volume")
    if there is not None and there.dm_uuid:
        summary = f"Make {path} on the destination the same volume as on the source"
        remedy = provide_storage(summary, path)
        return no(f"{path} is another volume there", remedies=[remedy])
    group = _volume_group(here, case.source)
    known = _known_groups(case.destination)
    command = f"lvchange --activate y {path}" if group in known else ""
    remedy = provide_storage(f"Activate {path} on the destination", path, command=command)
    return no(f"the logical volume {path} is not active there", remedies=[remedy])


def _volume_group(identity: BlockIdentity, snapshot: Snapshot) -> str:
    for each in snapshot.block_devices.devices:
        if each.dm_uuid == identity.dm_uuid:
            return each.device_mapper.volume_group
    return ""


def _known_groups(snapshot: Snapshot) -> set[str]:
    devices = snapshot.block_devices.devices
    return {each.device_mapper.volume_group for each in devices} - {""}


@fact(
    "storage.fc_port",
    question="Does the destination see the guest's disks on Fibre Channel?",
    applies_if=("incoming.disks",),
    reads=("incoming.disks", "destination.block_devices"),
    also_reads=_DISKS,
)
@unless_offline
def fc_port(case: Case) -> Result:
    """Look for the logical unit's name (WWN) among the destination's block devices.

    Seen is YES. Not seen is PROBABLY_NO when the destination has other units on Fibre Channel (a
    rescan or another zone may help), NO when it has none. A unit without a name is NO_IDEA.
    Disks that are not on Fibre Channel: not applicable.

    Source: sysfs, transport of the SCSI host; udev ID_WWN.
    """
    outcomes = {}
    for pair in pairs(case):
        here = block_identity(pair.here.source.path, case.source)
        if here is not None and here.transport == "fc":
            outcomes[pair.there.target] = _unit(here, case.destination)
    return joined(outcomes, "no disk is on Fibre Channel")


def _unit(here: BlockIdentity, destination: Snapshot) -> Result:
    name = here.multipath_wwid or here.wwn
    if not name:
        return no_idea(f"{here.name} has no name that both hosts see")
    names = {name, here.wwn} - {""}
    for each in destination.block_devices.devices:
        if each.wwn in names or each.device_mapper.multipath_wwid in names:
            return yes(f"unit {name} is {each.name} there")
    remedy = provide_storage(
        f"Present unit {name} to the destination, and rescan",
        here.name,
        command="for h in /sys/class/fc_host/host*; do echo '- - -' > "
        "/sys/class/scsi_host/${h##*/}/scan; done",
    )
    others = any(each.transport == "fc" for each in destination.block_devices.devices)
    if others:
        return probably_no(f"unit {name} is not seen there, others are", remedies=[remedy])
    return no(f"the destination sees nothing on Fibre Channel, not unit {name}", remedies=[remedy])


FACTS = (ceph, lvm, fc_port)
