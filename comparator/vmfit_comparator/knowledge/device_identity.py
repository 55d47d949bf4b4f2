"""Is a block device on one host the very device that a path names on the other?"""

from collections.abc import Callable

from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.storage_pb2 import BlockDevice
from vmfit.v1.vm_pb2 import BlockIdentity, HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.file_identity import same_kernel
from vmfit_comparator.knowledge.host_paths import (
    destination_block,
    destination_device,
    source_block,
    source_device,
)

# Named in the order in which they decide: the first that both sides have.
_WORLDWIDE = (
    ("multipath WWID", "multipath_wwid"),
    ("WWN", "wwn"),
    ("NGUID", "nvme_nguid"),
)
_DESCRIPTIVE = ("vendor", "model", "serial")
# Written on the medium: copies of a medium carry the same ones.
_ON_MEDIUM = (
    ("device-mapper UUID", "dm_uuid"),
    ("partition UUID", "partition_uuid"),
    ("file system UUID", "filesystem_uuid"),
)
_PLUGGED = ("usb", "ieee1394", "firewire", "sbp")


def same_device(here: HostPath, there: HostPath, case: Case) -> Result:
    """Compare a block device of the source with what the destination has at the incoming path.

    WWN, NVMe NGUID, multipath WWID, iSCSI target with LUN, vendor with model and serial decide.
    UUIDs on the medium decide only when the disks below are the same or nothing tells them
    apart, since a copied medium carries them too. What hangs on USB or FireWire can be unplugged
    and its serial numbers are not unique: the same one is only probably the same. Without names,
    another size is another device.
    """
    size = _size_difference(here, there)
    one = source_block(here, case)
    other = destination_block(there, case)
    if one is None or other is None:
        if size:
            return no(f"another device: {size}")
        side = "vm" if one is None else "incoming"
        path = here.path if one is None else there.path
        return no_idea(
            f"what identifies {path} is not known", missing=[f"{side}.disks.source.path.block"]
        )
    if same_kernel(case) and one.name == other.name:
        return yes(f"{one.name} of one kernel that both hosts share")
    outcome = _by_names(one, other, case)
    if size and outcome.answer == Answer.ANSWER_NO_IDEA:
        return no(f"another device: {size}")
    if size and outcome.answer >= Answer.ANSWER_PROBABLY_YES:
        return probably_no(f"{outcome.reason}, but {size}: the destination must scan it anew")
    return outcome


def _by_names(one: BlockIdentity, other: BlockIdentity, case: Case) -> Result:
    different = _told_apart(one, other)
    if different:
        return no(different)
    plugged = _is_plugged(one) or _is_plugged(other)
    for word, field in _WORLDWIDE:
        values = _both(one, other, field)
        if values:
            return _same(f"the same {word} {values[0]}", plugged=plugged)
    # An array may offer one unit through several targets, so these decide after the unit's names.
    luns = [_lun(each) for each in (one, other)]
    if all(luns) and luns[0] != luns[1]:
        return no(f"another logical unit: {luns[0]} here, {luns[1]} there")
    if all(luns):
        return _same(f"the same iSCSI unit {luns[0]}", plugged=plugged)
    if _both(one, other, "serial"):
        named = " ".join(filter(None, (one.vendor, one.model, one.serial)))
        return _same(f"the same vendor, model and serial ({named})", plugged=plugged)
    return _by_medium(one, other, case)


def _told_apart(one: BlockIdentity, other: BlockIdentity) -> str:
    """Return what makes them different devices; empty when no name does."""
    multipath = _one_is_multipath(one, other)
    # A partition carries its disk's names beside its own.
    names = [*_WORLDWIDE, ("partition UUID", "partition_uuid")]
    names += [] if multipath else [(field, field) for field in _DESCRIPTIVE]
    for word, field in names:
        values = _both(one, other, field)
        if values and values[0] != values[1]:
            return f"another device: {word} {values[0]} here, {values[1]} there"
    return ""


def _same(reason: str, *, plugged: bool) -> Result:
    if plugged:
        return probably_yes(
            f"{reason}, on USB or FireWire, where it may be another one", probability=0.6
        )
    return yes(reason)


def _by_medium(one: BlockIdentity, other: BlockIdentity, case: Case) -> Result:
    for word, field in _ON_MEDIUM:
        values = _both(one, other, field)
        if not values:
            continue
        if values[0] != values[1]:
            return no(f"another device: {word} {values[0]} here, {values[1]} there")
        same = f"the same {word} {values[0]}"
        below = (
            _disks_below(one.name, source_device, case),
            _disks_below(other.name, destination_device, case),
        )
        if all(below):
            if below[0] & below[1]:
                return yes(f"{same} on disk {min(below[0] & below[1])} of both hosts")
            return no(f"{same}, but on disk {min(below[0])} here and {min(below[1])} there: a copy")
        return probably_yes(f"{same}; the disks below were not told apart", probability=0.85)
    return no_idea(
        f"nothing that identifies {one.name} is known on both hosts",
        missing=["incoming.disks.source.path.block.wwn", "incoming.disks.source.path.block.serial"],
    )


def _disks_below(
    name: str, named: Callable[[str, Case], BlockDevice | None], case: Case
) -> set[str]:
    """Return WWNs, else serials, of the disks that a device is made of; empty if not all tell."""
    found: set[str] = set()
    pending, seen = [name], set[str]()
    while pending:
        device = named(f"/dev/{pending.pop()}", case)
        if device is None:
            return set()
        if device.name in seen:
            continue
        seen.add(device.name)
        identity = device.wwn or device.serial
        if identity:
            found.add(identity)
        elif device.slaves or device.parent:
            pending += [*device.slaves] if device.slaves else [device.parent]
        else:
            return set()
    return found


def _both(one: BlockIdentity, other: BlockIdentity, field: str) -> tuple[str, str] | None:
    """Return both sides' values, None unless both are there."""
    values = (getattr(one, field).strip(), getattr(other, field).strip())
    return values if all(values) else None


def _lun(identity: BlockIdentity) -> str:
    if not identity.iscsi_target_name or not identity.HasField("iscsi_lun"):
        return ""
    return f"{identity.iscsi_target_name} LUN {identity.iscsi_lun}"


def _is_plugged(identity: BlockIdentity) -> bool:
    return identity.bus in _PLUGGED or identity.transport in _PLUGGED


def _one_is_multipath(one: BlockIdentity, other: BlockIdentity) -> bool:
    # A map has a name of its own, its paths have the unit's: serials do not compare.
    return bool(one.multipath_wwid) != bool(other.multipath_wwid)


def _size_difference(here: HostPath, there: HostPath) -> str:
    known = here.HasField("size_bytes") and there.HasField("size_bytes")
    if known and here.size_bytes != there.size_bytes:
        return f"{here.size_bytes} bytes here, {there.size_bytes} there"
    return ""
