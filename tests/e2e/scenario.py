"""Scenarios: a guest, what differs between two hosts, and what happens when it migrates.

They stand in scenarios/*.yaml, one list a file. Setups are shell commands that run in a host:
`boot` before libvirtd starts, `setup` after, `started` once the guest runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from lab import PLAIN, SHARED

DOMAIN = "guest"
"""The guest's name on the source."""
GUEST_UUID = "11111111-0000-4000-8000-000000000001"
Outcome = Literal["migrated", "refused", "failed midway", "guest broken"]
Commands = Mapping[str, str]
"""Shell commands by host: source, destination, or both."""

_DIRECTORY = Path(__file__).parent / "scenarios"
_DISK = f"""<disk type='file' device='disk'>
  <driver name='qemu' type='raw' cache='none'/><source file='{SHARED}/guest.img'/>
  <target dev='vda' bus='virtio'/></disk>"""


@dataclass(frozen=True)
class Scenario:
    """One difference between two hosts."""

    id: str
    differs: str
    outcome: Outcome
    """What happened when the scenario was written."""
    fact: str = ""
    """The fact that names the cause where it does not migrate."""
    effect: str = ""
    """The fact that names the side effect of a migration that works."""
    guest: Mapping[str, Any] = field(default_factory=dict)
    boot: Commands = field(default_factory=dict)
    setup: Commands = field(default_factory=dict)
    started: Commands = field(default_factory=dict)
    kvm: Sequence[str] = ()
    """Which hosts have /dev/kvm: source, destination; needs a machine with a working KVM."""
    kvm_lacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """CPU features that KVM does not give, by host: source, destination; needs a C compiler."""
    qemu: str = ""
    """What the destination's QEMU lacks: avx2, machine, or a device's name."""
    host: Mapping[str, str] = field(default_factory=dict)
    """The destination's hostname or uuid, where it differs from the lab's."""
    limits: Mapping[str, str] = field(default_factory=dict)
    """The destination's control group: memory (bytes), cpus (a list)."""
    hugepages: int = 0
    options: Sequence[str] = ("--live",)
    uri: str = ""
    change: str = ""
    """A sed expression that makes the XML for the destination (--xml)."""
    libvirt: bool = True
    """Whether libvirtd runs on the destination."""
    paused: bool = False
    persistent: bool = False
    boots: bool = True
    """Whether the guest boots our sector; otherwise it only has to be running."""
    seconds: float = 60
    """After this the migration is given up."""
    ci: bool = False

    @property
    def arriving_name(self) -> str:
        """The guest's name on the destination."""
        words = list(self.options)
        return words[words.index("--dname") + 1] if "--dname" in words else DOMAIN

    @property
    def arrives_paused(self) -> bool:
        """Whether somebody has to resume the guest on the destination."""
        return self.paused or "--suspend" in self.options

    def commands(self, stage: Commands, role: str) -> list[str]:
        """Return what runs in one host at a stage."""
        return [stage[each] for each in ("both", role) if each in stage]

    def domain_xml(self) -> str:
        """Return the guest's XML."""
        return domain_xml(self.guest)


def domain_xml(guest: Mapping[str, Any]) -> str:
    """Return a small guest, emulated by default, with what a scenario says of it."""
    vcpu = guest.get("vcpu", "<vcpu>1</vcpu>")
    return f"""<domain type='{guest.get("type", "qemu")}'>
  <name>{DOMAIN}</name>
  <uuid>{GUEST_UUID}</uuid>
  <memory unit='MiB'>{guest.get("memory_mib", 64)}</memory>
  {vcpu}
  {guest.get("top", "")}
  <os><type arch='x86_64' machine='{guest.get("machine", "pc-q35-7.2")}'>hvm</type>
    {guest.get("os", "")}</os>
  <features><acpi/>{guest.get("features", "")}</features>
  {guest.get("cpu", "")}
  <devices>{guest.get("disk", _DISK)}{guest.get("devices", "")}</devices>
</domain>
"""


def load(directory: Path = _DIRECTORY) -> list[Scenario]:
    """Read all scenarios, in the order of files and lines; ids are unique."""
    replacements = {"@SHARED": SHARED, "@PLAIN": PLAIN, "@LOCAL": "/srv/local"}
    found: list[Scenario] = []
    for path in sorted(directory.glob("*.yaml")):
        text = path.read_text()
        for word, value in replacements.items():
            text = text.replace(word, value)
        found += [Scenario(**each) for each in yaml.safe_load(text)["scenarios"]]
    ids = [each.id for each in found]
    repeated = {each for each in ids if ids.count(each) > 1}
    if repeated:
        raise ValueError(f"scenario ids used twice: {', '.join(sorted(repeated))}")
    return found
