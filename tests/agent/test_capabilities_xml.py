"""Capabilities and domain capabilities XML, in the forms of several libvirt versions."""

import os
from pathlib import Path

import pytest

from vmfit_agent.virtualization.capabilities_xml import (
    host_architecture,
    parse_capabilities,
    parse_domain_capabilities,
)
from vmfit_agent.xml_document import MalformedXml

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("VMFIT_CORPUS", ROOT / "../shared/corpus")) / "hosts"
in_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no recorded hosts in {CORPUS}")

CAPABILITIES = """<capabilities><host><uuid>AAAAAAAA-1111-4aaa-8aaa-aaaaaaaaaaaa</uuid>
<cpu><arch>x86_64</arch><model>EPYC</model><vendor>AMD</vendor>
<counter name='tsc' frequency='2500000000' scaling='yes'/><maxphysaddr mode='emulate' bits='48'/>
<feature name='x2apic'/><feature name='ht'/><pages unit='KiB' size='4'/>
<pages unit='KiB' size='2048'/>
</cpu><migration_features><live/><uri_transports><uri_transport>tcp</uri_transport>
<uri_transport>rdma</uri_transport></uri_transports></migration_features>
<secmodel><model>selinux</model><doi>0</doi><baselabel type='kvm'>a:b</baselabel></secmodel></host>
<guest><os_type>hvm</os_type><arch name='x86_64'><wordsize>64</wordsize>
<emulator>/usr/bin/qemu-system-x86_64</emulator>
<machine maxCpus='255'>pc-i440fx-7.2</machine>
<machine canonical='pc-i440fx-7.2' maxCpus='255'>pc</machine>
<machine maxCpus='255' deprecated='yes'>pc-i440fx-1.4</machine>
<domain type='qemu'/><domain type='kvm'><machine maxCpus='8'>own</machine></domain></arch></guest>
</capabilities>"""

DOMAIN_CAPABILITIES = """<domainCapabilities><path>/q</path><domain>kvm</domain>
<machine>pc-q35-9.0</machine><arch>x86_64</arch><vcpu max='4096'/><iothreads supported='yes'/>
<os supported='yes'><enum name='firmware'><value>efi</value></enum><loader supported='yes'>
<value>/OVMF.fd</value><enum name='type'><value>rom</value><value>pflash</value></enum>
<enum name='secure'><value>no</value></enum></loader></os><cpu>
<mode name='host-passthrough' supported='yes'><enum name='hostPassthroughMigratable'>
<value>on</value><value>off</value></enum></mode><mode name='maximum' supported='no'/>
<mode name='host-model' supported='yes'><model fallback='forbid'>Skylake-Client</model>
<vendor>Intel</vendor><maxphysaddr mode='passthrough' limit='39'/>
<feature policy='require' name='ss'/><feature policy='disable' name='rtm'/></mode>
<mode name='custom' supported='yes'>
<model usable='no' vendor='Intel' deprecated='yes'
canonical='Skylake-Client-v1'>Skylake-Client</model>
<blockers model='Skylake-Client'><feature name='rtm'/><feature name='hle'/></blockers>
<model usable='unknown' vendor='unknown'>qemu64</model><model usable='yes' vendor='AMD'>EPYC</model>
</mode></cpu><memoryBacking supported='yes'><enum name='sourceType'><value>file</value>
<value>memfd</value></enum></memoryBacking><devices><disk supported='yes'><enum name='bus'>
<value>virtio</value></enum></disk><rng supported='no'/></devices><features><gic supported='no'/>
<sev supported='yes'><cbitpos>47</cbitpos></sev><hyperv supported='yes'><enum name='features'>
<value>relaxed</value><value>vapic</value></enum></hyperv></features></domainCapabilities>"""


def test_capabilities():
    connection = parse_capabilities(CAPABILITIES)
    assert connection.host_uuid == "aaaaaaaa-1111-4aaa-8aaa-aaaaaaaaaaaa"
    cpu = connection.host_cpu
    assert (cpu.model, cpu.vendor, list(cpu.extra_features)) == ("EPYC", "AMD", ["ht", "x2apic"])
    assert (cpu.tsc_frequency_hz, cpu.tsc_scaling) == (2_500_000_000, True)
    assert cpu.physical_address_bits == 48
    assert not cpu.expanded
    assert list(connection.migration_transports) == ["tcp", "rdma"]
    assert connection.live_migration
    assert connection.security_models[0].base_labels["kvm"] == "a:b"
    assert list(connection.page_sizes_bytes) == [4096, 2 * 1024**2]
    assert host_architecture(CAPABILITIES) == "x86_64"
    (guest,) = connection.guest_archs
    assert (guest.emulator_path, guest.word_size_bits) == ("/usr/bin/qemu-system-x86_64", 64)
    assert list(guest.domain_types) == ["qemu", "kvm"]
    machines = {machine.name: machine for machine in guest.machine_types}
    assert list(machines) == ["pc-i440fx-7.2", "pc", "pc-i440fx-1.4", "own"]
    assert machines["pc"].canonical == "pc-i440fx-7.2"
    assert not machines["pc-i440fx-7.2"].HasField("canonical")
    assert machines["pc-i440fx-1.4"].deprecated


def test_what_capabilities_leave_out_is_absent():
    connection = parse_capabilities("<capabilities><host/></capabilities>")
    assert not connection.HasField("live_migration")
    assert not connection.HasField("host_uuid")
    assert not connection.HasField("host_cpu")


def test_domain_capabilities():
    found = parse_domain_capabilities(DOMAIN_CAPABILITIES)
    assert (found.emulator_path, found.machine_type, found.max_vcpu_count) == (
        "/q",
        "pc-q35-9.0",
        4096,
    )
    assert [(mode.mode, mode.supported) for mode in found.cpu_modes] == [
        ("host-passthrough", True),
        ("maximum", False),
        ("host-model", True),
        ("custom", True),
    ]
    assert list(found.cpu_modes[0].migratable) == ["on", "off"]
    assert found.host_model.model == "Skylake-Client"
    assert list(found.host_model.disabled_features) == ["rtm"]
    assert found.host_model.physical_address_bits == 39
    models = {model.name: model for model in found.models}
    assert list(models) == ["EPYC", "Skylake-Client", "qemu64"]
    assert models["EPYC"].usable is True
    assert not models["qemu64"].HasField("usable")
    assert not models["qemu64"].HasField("vendor")
    assert models["Skylake-Client"].usable is False
    assert models["Skylake-Client"].deprecated
    assert list(models["Skylake-Client"].blockers) == ["hle", "rtm"]
    assert list(found.firmware.auto_types) == ["efi"]
    assert list(found.firmware.loader_paths) == ["/OVMF.fd"]
    assert list(found.firmware.loader_types) == ["rom", "pflash"]
    assert list(found.firmware.secure) == ["no"]
    assert [(one.name, one.supported) for one in found.device_classes] == [
        ("disk", True),
        ("rng", False),
    ]
    assert list(found.device_classes[0].enums[0].values) == ["virtio"]
    assert [(one.name, one.supported) for one in found.features] == [
        ("gic", False),
        ("sev", True),
        ("hyperv", True),
        ("hyperv:relaxed", True),
        ("hyperv:vapic", True),
    ]
    assert list(found.memory_backing_types) == ["file", "memfd"]
    assert found.iothreads


def test_answers_are_the_callers_own():
    parse_domain_capabilities(DOMAIN_CAPABILITIES).machine_type = "changed"
    assert parse_domain_capabilities(DOMAIN_CAPABILITIES).machine_type == "pc-q35-9.0"


@pytest.mark.parametrize("parse", [parse_capabilities, parse_domain_capabilities])
def test_another_document_is_refused(parse):
    with pytest.raises(MalformedXml, match="root element is <domain>"):
        parse("<domain/>")


@pytest.mark.corpus
@in_corpus
def test_every_recorded_domain_capabilities():
    found = {
        path.parent.name: parse_domain_capabilities(path.read_text())
        for path in sorted(CORPUS.glob("*/domcapabilities*.xml"))
    }
    assert len(found) > 30
    for name, capabilities in found.items():
        if name.startswith("kubevirt"):  # Cut down to CPUs and features.
            assert capabilities.models, name
        else:
            assert capabilities.domain_type, name
            assert capabilities.device_classes, name
    xen = found["lvdomcaps-libxl-xenfv"]
    assert (xen.domain_type, xen.machine_type, xen.max_vcpu_count) == ("xen", "xenfv", 128)
    assert not any(mode.supported for mode in xen.cpu_modes)
    assert found["lvdomcaps-bhyve_uefi.x86_64"].firmware.loader_paths
    s390x = found["lvdomcaps-qemu_6.0.0.s390x"]
    assert s390x.host_model.model.startswith("gen")
    assert {model.name for model in s390x.models} > {"z14-base", "z890"}
    aarch64 = found["lvdomcaps-qemu_7.0.0-virt.aarch64"]
    assert {one.name: one.supported for one in aarch64.features}["gic"] is True


@pytest.mark.corpus
@in_corpus
def test_every_recorded_capabilities():
    paths = sorted(CORPUS.glob("**/capabilities*.xml"))
    assert len(paths) > 10
    for path in paths:
        parse_capabilities(path.read_text())
