"""Every domain XML of other projects goes through the parser and says what they say of it."""

import json
import os
from pathlib import Path

import pytest

from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.unusable_definition import UnusableDefinition

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("VMFIT_CORPUS", ROOT / "../shared/corpus")) / "domains"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no recorded domains in {CORPUS}"),
]

# What libvirt itself would refuse, too: fragments without a name, and status files.
UNUSABLE = ("domain XML: no <name>", "domain XML: the root element is <domstatus>")


def manifest():
    entries = json.loads((CORPUS / "manifest.json").read_text())
    return entries if isinstance(entries, list) else entries["domains"]


def differences(entry, vm):
    """Yield what differs from the manifest's independent reading."""
    expected = {
        "name": vm.name,
        "type": vm.domain_type or None,
        "arch": vm.architecture or None,
        "machine": vm.machine_type if vm.HasField("machine_type") else None,
        "interfaces": [nic.type for nic in vm.nics],
        "tpm": len(vm.tpms),
        "filesystems": len(vm.filesystems),
        "hugepages": vm.memory.uses_huge_pages,
        "launchSecurity": vm.launch_security.type or None,
    }
    for field, value in expected.items():
        if field in entry and entry[field] != value:
            yield f"{field}: {value!r}, not {entry[field]!r}"
    if entry.get("vcpus") and int(entry["vcpus"]) != vm.vcpus.maximum_count:
        yield f"vcpus: {vm.vcpus.maximum_count}, not {entry['vcpus']}"
    for disk, known in zip(vm.disks, entry.get("disks", ()), strict=True):
        if disk.device != (known["device"] or "disk"):
            yield f"disk {disk.target}: device {disk.device}"
        if (disk.bus or None) != known["bus"]:
            yield f"disk {disk.target}: bus {disk.bus}"


def test_every_domain():
    wrong = []
    usable = 0
    for entry in manifest():
        try:
            vm = parse_vm((CORPUS / entry["file"]).read_text())
        except UnusableDefinition as error:
            if str(error) not in UNUSABLE:
                wrong.append(f"{entry['file']}: {error}")
            continue
        usable += 1
        if "disks" not in entry:  # The manifest lists no devices of a domain without <devices>.
            entry["disks"] = []
        wrong += [f"{entry['file']}: {text}" for text in differences(entry, vm)]
    assert wrong == []
    assert usable > 600
