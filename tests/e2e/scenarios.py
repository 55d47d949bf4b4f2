"""Guests and differences between two hosts, with what really happens when they migrate."""

from dataclasses import dataclass

from lab import LOCAL, SHARED

_SHARED_DISK = f"""<disk type='file' device='disk'>
  <driver name='qemu' type='raw' cache='none'/><source file='{SHARED}/guest.img'/>
  <target dev='vda' bus='virtio'/></disk>"""
_LOCAL_DISK = f"""<disk type='file' device='disk'>
  <driver name='qemu' type='raw' cache='none'/><source file='{LOCAL}/second.img'/>
  <target dev='vdb' bus='virtio'/></disk>"""
_BRIDGED = """<interface type='bridge'><mac address='52:54:00:aa:00:01'/>
  <source bridge='br0'/><model type='virtio'/></interface>"""
_WITH_AVX2 = """<cpu mode='custom' match='exact' check='full'>
  <model fallback='forbid'>qemu64</model>
  <feature policy='require' name='avx'/><feature policy='require' name='avx2'/>
  <feature policy='require' name='xsave'/><feature policy='require' name='hypervisor'/>
  <feature policy='require' name='lahf_lm'/><feature policy='disable' name='svm'/></cpu>"""
_NAMESAKE = """<domain type='qemu'><name>guest</name>
  <uuid>99999999-0000-4000-8000-000000000009</uuid><memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os></domain>"""
_BRIDGE = "ip link add br0 type bridge && ip link set br0 up"


def domain_xml(*, devices: str = "", cpu: str = "", memory_mib: int = 64) -> str:
    """Return a guest that boots its first disk under TCG."""
    return f"""<domain type='qemu'>
      <name>guest</name>
      <uuid>11111111-0000-4000-8000-000000000001</uuid>
      <memory unit='MiB'>{memory_mib}</memory>
      <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
      {cpu}
      <devices>{_SHARED_DISK}{devices}</devices>
    </domain>"""


@dataclass(frozen=True)
class Scenario:
    """One difference. The setups are shell commands run before libvirtd (`boot_`) or after."""

    id: str
    acceptable: bool
    fact: str = ""
    """The fact that has to say NO."""
    domain: str = ""
    boot_destination: str = ""
    setup_source: str = ""
    setup_destination: str = ""
    options: tuple[str, ...] = ("--live",)
    weaker_destination: bool = False


SCENARIOS = (
    Scenario("migratable", acceptable=True, domain=domain_xml()),
    Scenario(
        "migratable-over-bridge",
        acceptable=True,
        domain=domain_xml(devices=_BRIDGED),
        setup_source=_BRIDGE,
        setup_destination=_BRIDGE,
    ),
    Scenario(
        "missing-bridge",
        acceptable=False,
        fact="net.bridge",
        domain=domain_xml(devices=_BRIDGED),
        setup_source=_BRIDGE,
    ),
    Scenario(
        "missing-disk",
        acceptable=False,
        fact="storage.path_present",
        domain=domain_xml(devices=_LOCAL_DISK),
        setup_source=f"truncate -s 1M {LOCAL}/second.img",
        options=("--live", "--unsafe"),
    ),
    Scenario(
        "missing-cpu-feature",
        acceptable=False,
        fact="cpu.features",
        domain=domain_xml(cpu=_WITH_AVX2),
        weaker_destination=True,
    ),
    Scenario(
        "name-clash",
        acceptable=False,
        fact="domain.name_uuid",
        domain=domain_xml(),
        setup_destination=f'echo "{_NAMESAKE}" > {LOCAL}/o.xml && virsh -q define {LOCAL}/o.xml',
    ),
)
