"""Domain XML to typed VM: identity, CPU, memory, NUMA, devices."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.domain_xml.qemu_arguments import files_of
from vmfit_agent.unusable_definition import UnusableDefinition

TAGS = ["vcpu", "memory", "cpu", "numa", "cell", "devices", "disk", "source", "target", "interface"]
NAMES = ["type", "unit", "dev", "id", "cpus", "memory", "bus", "mode", "port", "file"]


def domain(inner: str = "", devices: str = "", attributes: str = "type='kvm'"):
    return parse_vm(
        f"<domain {attributes}><name>g</name><uuid>AAAAAAAA-2222-4333-8444-555555555555</uuid>"
        f"{inner}<devices>{devices}</devices></domain>"
    )


def test_the_least_that_is_a_domain():
    vm = parse_vm("<domain><name>g</name></domain>")
    assert (vm.name, vm.uuid, vm.domain_type) == ("g", "", "")
    assert vm.vcpus.maximum_count == vm.vcpus.current_count == 1
    assert not vm.HasField("cpu")
    assert not vm.HasField("emulator")
    assert not vm.HasField("state")
    assert not vm.HasField("connection_uri")
    assert vm.memory.maximum_bytes == 0


def test_a_nameless_domain_is_refused():
    with pytest.raises(UnusableDefinition, match="no <name>"):
        parse_vm("<domain type='kvm'/>")


def test_identity():
    vm = domain("<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><clock offset='utc'/>")
    assert vm.uuid == "aaaaaaaa-2222-4333-8444-555555555555"
    assert (vm.architecture, vm.machine_type, vm.os_type) == ("x86_64", "pc-q35-7.2", "hvm")
    assert vm.clock_offset == "utc"


def test_the_message_is_the_callers_own():
    domain().name = "changed"
    assert domain().name == "g"


def test_cpu():
    cpu = domain(
        "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>EPYC</model>"
        "<vendor>AMD</vendor><topology sockets='2' cores='4' threads='1'/><cache mode='emulate'/>"
        "<maxphysaddr mode='passthrough' limit='39'/>"
        "<feature policy='disable' name='svm'/><feature name='x2apic'/>"
        "<feature policy='force'/></cpu>"
    ).cpu
    assert (cpu.mode, cpu.match, cpu.check, cpu.model) == ("custom", "exact", "full", "EPYC")
    assert [(one.name, one.policy) for one in cpu.features] == [
        ("svm", "disable"),
        ("x2apic", "require"),
    ]
    assert (cpu.topology.socket_count, cpu.topology.die_count, cpu.topology.core_count) == (2, 1, 4)
    assert cpu.physical_address_limit_bits == 39
    assert not cpu.HasField("physical_address_bits")
    assert cpu.cache_mode == "emulate"
    assert not cpu.expanded


@pytest.mark.parametrize(
    ("xml", "mode"),
    [
        ("<cpu><model>EPYC</model></cpu>", "custom"),
        ("<cpu mode='host-passthrough'/>", "host-passthrough"),
        ("<cpu><topology sockets='1' cores='1' threads='1'/></cpu>", ""),
    ],
)
def test_cpu_mode(xml, mode):
    assert domain(xml).cpu.mode == mode


def test_vcpus():
    vcpus = domain(
        "<vcpu placement='static' cpuset='0-3' current='2'>4</vcpu><cputune>"
        "<vcpupin vcpu='0' cpuset='0,^1'/><vcpupin vcpu='x' cpuset='1'/><emulatorpin cpuset='2-3'/>"
        "<iothreadpin iothread='1' cpuset='3'/></cputune>"
    ).vcpus
    assert (vcpus.current_count, vcpus.maximum_count) == (2, 4)
    assert list(vcpus.cpu_ids) == [0, 1, 2, 3]
    assert [(pin.vcpu_id, list(pin.cpu_ids)) for pin in vcpus.pins] == [(0, [0])]
    assert list(vcpus.emulator_cpu_ids) == [2, 3]
    assert vcpus.iothread_pins[0].iothread_id == 1


def test_memory():
    memory = domain(
        "<maxMemory slots='4' unit='GiB'>8</maxMemory><memory unit='MiB'>2048</memory>"
        "<currentMemory>1048576</currentMemory>"
        "<memtune><hard_limit unit='G'>3</hard_limit></memtune>"
        "<memoryBacking><hugepages><page size='2' unit='M' nodeset='0'/></hugepages><locked/>"
        "<source type='memfd'/><access mode='shared'/><allocation mode='immediate'/>"
        "</memoryBacking>",
        "<memory model='nvdimm'><source><path>/dev/pmem0</path></source><target>"
        "<size unit='MiB'>512</size><node>1</node></target>"
        "<address type='dimm' slot='2' base='0x100000000'/></memory>",
    ).memory
    assert memory.maximum_bytes == 2 * 1024**3
    assert memory.current_bytes == 1024**3
    assert (memory.hotplug_maximum_bytes, memory.slot_count) == (8 * 1024**3, 4)
    assert memory.hard_limit_bytes == 3 * 1024**3
    assert memory.locked
    assert memory.preallocated
    assert (memory.source_type, memory.access) == ("memfd", "shared")
    assert memory.uses_huge_pages
    assert memory.huge_pages[0].size_bytes == 2 * 1024**2
    assert list(memory.huge_pages[0].guest_node_ids) == [0]
    device = memory.devices[0]
    assert (device.model, device.size_bytes, device.slot) == ("nvdimm", 512 * 1024**2, 2)
    assert (device.base_address, device.source.path) == (0x1_0000_0000, "/dev/pmem0")


def test_an_unlimited_memory_limit_is_none():
    xml = "<memtune><hard_limit unit='KiB'>9007199254740991</hard_limit></memtune>"
    assert not domain(xml).memory.HasField("hard_limit_bytes")


def test_huge_pages_of_the_default_size():
    memory = domain("<memoryBacking><hugepages/></memoryBacking>").memory
    assert memory.uses_huge_pages
    assert not memory.huge_pages[0].HasField("size_bytes")


def test_numa():
    vm = domain(
        "<cpu><numa><cell id='1' cpus='2-3' memory='1' unit='GiB'/>"
        "<cell cpus='0-1' memory='512000' memAccess='shared'/></numa></cpu>"
        "<numatune><memory mode='preferred' nodeset='1'/>"
        "<memnode cellid='1' mode='strict' nodeset='0,2'/></numatune>"
    )
    assert [cell.cell_id for cell in vm.numa.cells] == [1, 1]
    assert vm.numa.cells[1].memory_bytes == 512000 * 1024
    assert (vm.numa.memory_mode, list(vm.numa.host_node_ids)) == ("preferred", [1])
    assert list(vm.numa.placements[0].host_node_ids) == [0, 2]
    assert vm.memory.maximum_bytes == 1024**3 + 512000 * 1024


def test_firmware_and_boot_files():
    vm = domain(
        "<os firmware='efi'><type>hvm</type><loader readonly='yes' type='pflash' secure='yes'>"
        "/OVMF_CODE.fd</loader><nvram template='/OVMF_VARS.fd'>/nvram/g.fd</nvram>"
        "<kernel>/vmlinuz</kernel><initrd>/initrd</initrd><acpi><table type='slic'>/slic</table>"
        "</acpi></os>"
    )
    firmware = vm.firmware
    assert (firmware.auto_type, firmware.loader_type, firmware.secure) == ("efi", "pflash", True)
    paths = (firmware.loader.path, firmware.nvram.path, firmware.nvram_template.path)
    assert paths == ("/OVMF_CODE.fd", "/nvram/g.fd", "/OVMF_VARS.fd")
    assert [table.path for table in firmware.tables] == ["/slic"]
    assert (vm.kernel.path, vm.initrd.path) == ("/vmlinuz", "/initrd")
    assert not firmware.loader.HasField("exists")


def test_nvram_in_the_newer_form():
    nvram = "<os><nvram type='file'><source file='/nvram/g.qcow2'/></nvram></os>"
    assert domain(nvram).firmware.nvram.path == "/nvram/g.qcow2"


def test_features_and_timers():
    vm = domain(
        "<features><acpi/><ioapic driver='kvm'/><vmport state='off'/><smm state='on'/>"
        "<hyperv mode='custom'><relaxed state='on'/><vapic state='off'/></hyperv>"
        "<kvm><hidden state='on'/></kvm></features>"
        "<clock offset='utc'><timer name='tsc' present='yes' frequency='2500000000' mode='native'/>"
        "<timer name='hpet' present='no'/></clock>"
    )
    assert list(vm.hypervisor_features.enabled) == ["acpi", "ioapic:kvm", "smm"]
    assert list(vm.hypervisor_features.hyperv) == ["relaxed"]
    assert list(vm.hypervisor_features.kvm) == ["hidden"]
    assert (vm.timers[0].frequency_hz, vm.timers[0].present) == (2_500_000_000, True)
    assert vm.timers[1].present is False


def test_protection():
    vm = domain(
        "<launchSecurity type='sev'><policy>0x0003</policy></launchSecurity>"
        "<seclabel type='dynamic' model='selinux' relabel='yes'><label>a:b</label></seclabel>",
        "<disk><source protocol='rbd' name='p/i'><auth username='u'>"
        "<secret type='ceph' uuid='AAAA'/></auth></source><target dev='vda'/></disk>"
        "<disk><source file='/x'><encryption format='luks'><secret type='passphrase' uuid='b'/>"
        "</encryption></source><target dev='vdb'/></disk>"
        "<tpm model='tpm-crb'><backend type='emulator' version='2.0'><encryption secret='c'/>"
        "</backend></tpm>",
    )
    assert (vm.launch_security.type, vm.launch_security.policy) == ("sev", 3)
    assert (vm.security_labels[0].label, vm.security_labels[0].relabel) == ("a:b", True)
    assert [(one.uuid, one.type, one.user) for one in vm.secrets] == [
        ("aaaa", "ceph", "disk vda"),
        ("b", "passphrase", "disk vdb"),
        ("c", "vtpm", "tpm"),
    ]


def test_system_information():
    found = parse_vm(
        "<domain><name>g</name><os><smbios mode='sysinfo'/></os><sysinfo type='smbios'>"
        "<system><entry name='product'>P</entry><entry name='family'/></system>"
        "<bios><entry name='vendor'>V</entry></bios>"
        "<baseBoard><entry name='asset'>1</entry></baseBoard>"
        "<baseBoard><entry name='asset'>2</entry></baseBoard>"
        "<oemStrings><entry>secret</entry></oemStrings></sysinfo><sysinfo type='fwcfg'>"
        "<entry name='opt/a'>secret</entry><entry name='opt/b' file='/srv/b'/></sysinfo></domain>"
    ).system_information
    assert [file.path for file in found.files] == ["/srv/b"]
    assert (found.smbios_mode, list(found.types)) == ("sysinfo", ["smbios", "fwcfg"])
    assert list(found.values) == [
        "baseBoard.0.asset=1",
        "baseBoard.1.asset=2",
        "bios.vendor=V",
        "system.product=P",
    ]
    assert not parse_vm("<domain><name>g</name></domain>").system_information.ByteSize()


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["-fw_cfg", "name=opt/a,file=/srv/a"], ["/srv/a"]),
        (["-fw_cfg", "name=opt/a,string=file=/srv/a"], []),
        (["--drive", "file=/srv/a,,b,format=raw"], ["/srv/a,b"]),
        (["-device", "e1000,romfile=/srv/rom"], ["/srv/rom"]),
        (["-bios", "/srv/bios"], ["/srv/bios"]),
        (["-bios", "bios.bin"], []),
        (["-chardev", "file,path=/srv/log,id=file"], []),
        (["file=/srv/a", "-S"], []),
    ],
)
def test_files_of_qemu_arguments(words, files):
    assert list(files_of(words)) == files


def test_qemu_arguments():
    vm = parse_vm(
        "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name>"
        "<qemu:commandline><qemu:arg value='-foo'/><qemu:env name='A'/></qemu:commandline></domain>"
    )
    assert list(vm.qemu_arguments) == ["-foo"]
    assert not vm.qemu_argument_files


@given(
    st.recursive(
        st.builds(
            lambda text: text, st.sampled_from(["", "1", "0x1", "-1", "yes", "a b", "9" * 30])
        ),
        lambda inner: st.builds(
            lambda tag, name, value, children: (
                f"<{tag} {name}='{value}'>{''.join(children)}</{tag}>"
            ),
            st.sampled_from(TAGS),
            st.sampled_from(NAMES),
            st.sampled_from(["", "1", "file", "4294967296", "0-99999", "network", "-1"]),
            st.lists(inner, max_size=4),
        ),
        max_leaves=12,
    )
)
@settings(max_examples=150, deadline=None)
def test_odd_elements_never_crash(inner):
    assert domain(inner, inner).name == "g"
