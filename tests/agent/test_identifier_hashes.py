"""Every field of the contract that identifies is told as a hash, every name as it is."""

import pytest
from google.protobuf.descriptor import FieldDescriptor

from vmfit.v1.options_pb2 import Sensitivity
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_contract.masking.identifier_hashes import IdentifierHashes
from vmfit_contract.masking.messages import sensitivity_of, texts_of
from vmfit_contract.masking.snapshots import SMBIOS_VALUES, mask_snapshot

KEY = b"k" * 32
_DEEPEST = 8


def fill(message, canaries, path="", depth=0):
    """Give every text, in one element of every list, a value of its own; note its sensitivity."""
    for field in message.DESCRIPTOR.fields:
        where = f"{path}.{field.name}"
        inner = field.message_type
        if inner is None and field.type == FieldDescriptor.TYPE_STRING:
            number = len(canaries)
            value = f"CANARY{number:04}Q{number * 7919:05}"
            text = f"system.serial={value}" if field.full_name == SMBIOS_VALUES else value
            if field.is_repeated:
                getattr(message, field.name).append(text)
            else:
                setattr(message, field.name, text)
            canaries[where] = (sensitivity_of(field), value)
        elif inner is not None and depth < _DEEPEST and not is_foreign(inner):
            target = getattr(message, field.name)
            fill(target.add() if field.is_repeated else target, canaries, where, depth + 1)


def is_foreign(descriptor):
    return descriptor.GetOptions().map_entry or descriptor.full_name.startswith("google.")


def told(message):
    return "\n".join(text for _, _, text in texts_of(message))


@pytest.fixture(params=[Snapshot, Vm], ids=["snapshot", "vm"])
def planted(request):
    message, canaries = request.param(), {}
    fill(message, canaries)
    return message, canaries


def of(canaries, *kinds):
    return {where: value for where, (kind, value) in canaries.items() if kind in kinds}


def test_fields_that_identify_are_hashed_and_others_are_not(planted):
    message, canaries = planted
    identifying = of(canaries, Sensitivity.SENSITIVITY_IDENTIFIES)
    assert len(identifying) > 8
    IdentifierHashes(KEY).hide(message)
    text = told(message)
    assert {where for where, value in identifying.items() if value in text} == set()
    kept = of(canaries, Sensitivity.SENSITIVITY_NAMES, Sensitivity.SENSITIVITY_UNSPECIFIED)
    assert {where for where, value in kept.items() if value not in text} == set()


def test_masking_leaves_no_name_either():
    snapshot, canaries = Snapshot(), {}
    fill(snapshot, canaries)
    mask_snapshot(snapshot, KEY)
    text = told(snapshot)
    planted = of(canaries, Sensitivity.SENSITIVITY_IDENTIFIES, Sensitivity.SENSITIVITY_NAMES)
    assert {where for where, value in planted.items() if value in text} == set()
    assert snapshot.identifier_key == IdentifierHashes(KEY).key_name


@pytest.mark.parametrize(
    ("text", "gone", "kept"),
    [
        ("/dev/disk/by-id/ata-ST4000NM_ZC1A2B3C-part1", "ZC1A2B3C", "/dev/disk/by-id/"),
        ("/dev/disk/by-id/wwn-0x5000c500a1b2c3d4", "a1b2c3d4", "/dev/disk/by-id/"),
        ("/dev/disk/by-uuid/4C4C-4544", "4C4C", "/dev/disk/by-uuid/"),
        ("/dev/mapper/36005076300810b3e0000000000000022", "10b3e", "/dev/mapper/3"),
        ("pci-0000:00:17.0-sas-0x5000c500a1b2c3d4-lun-0", "a1b2c3d4", "pci-0000:00:17.0-sas-0x"),
        ("enx525400abcdef", "abcdef", "enx52"),
        ("-device scsi-hd,serial=QWERTY12", "QWERTY12", "-device scsi-hd,serial="),
        ("ip-10.0.0.9:3260-iscsi-iqn.2004-04.com.qnap:ts-lun-1", "-", "iqn.2004-04.com.qnap:ts"),
        ("/var/lib/libvirt/images/4c4c4544-0047-4710-8051-b4c04f4d3432", "-", "images/4c4c4544-00"),
    ],
)
def test_names_of_devices_are_hashed_and_names_of_others_stay(text, gone, kept):
    vm = Vm()
    vm.disks.add().source.path.path = text
    IdentifierHashes(KEY).hide(vm)
    hashed = vm.disks[0].source.path.path
    assert gone == "-" or gone not in hashed
    assert kept in hashed
    assert len(hashed) == len(text)


def test_devices_are_found_by_what_they_are_told_as():
    hashes = IdentifierHashes(KEY)
    plain = ["/dev/sda", "/dev/disk/by-id/ata-ST4000NM_ZC1A2B3C"]
    found = hashes.paths(plain)
    assert list(found.values()) == plain[1:]
    vm = Vm()
    vm.disks.add().source.path.path = plain[1]
    hashes.hide(vm)
    assert list(found) == [vm.disks[0].source.path.path]
