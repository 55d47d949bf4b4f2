"""What one definition may hold, and what reading it may cost: time and memory of a root process."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from vmfit_agent.describe import describe_vm
from vmfit_agent.domain_xml import bounds, parse_vm, remembered
from vmfit_agent.domain_xml.remembered import libvirts_vm
from vmfit_agent.host import Host
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_agent.xml_document import MAXIMUM_IDS, id_set, named_ids
from vmfit_contract.access import LOCAL

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest  # isort: skip

PACKAGE = Path(bounds.__file__).parent
WIDE = "0-16383"
# Wherever a set may stand, with nothing else that is too much.
SETS = {
    "vcpu": "<vcpu cpuset='{}'>1</vcpu>",
    "vcpupin": "<cputune><vcpupin vcpu='0' cpuset='{}'/></cputune>",
    "emulatorpin": "<cputune><emulatorpin cpuset='{}'/></cputune>",
    "iothreadpin": "<cputune><iothreadpin iothread='1' cpuset='{}'/></cputune>",
    "cell": "<cpu><numa><cell cpus='{}'/></numa></cpu>",
    "memory": "<numatune><memory nodeset='{}'/></numatune>",
    "memnode": "<numatune><memnode cellid='0' nodeset='{}'/></numatune>",
    "page": "<memoryBacking><hugepages><page nodeset='{}'/></hugepages></memoryBacking>",
}
LARGE = {
    "19,000 cells": (
        "<domain><name>g</name><cpu><numa>"
        + f"<cell id='1' cpus='{WIDE}'/>" * 19_000
        + "</numa></cpu></domain>"
    ),
    "24,000 pins": (
        "<domain><name>g</name><cputune>"
        + f"<vcpupin vcpu='1' cpuset='{WIDE}'/>" * 24_000
        + "</cputune></domain>"
    ),
    "one set": (
        f"<domain><name>g</name><vcpu cpuset='{','.join([WIDE] * 120_000)}'>1</vcpu></domain>"
    ),
    "20,000 disks": (
        "<domain><name>g</name><devices>"
        + "<disk type='file'><source file='/x'/></disk>" * 20_000
        + "</devices></domain>"
    ),
    "one name before every name": (
        f"<domain><name>g</name><a xmlns='{'u' * 500_000}'>"
        + "".join(f"<e{number}/>" for number in range(30_000))
        + "</a></domain>"
    ),
    "elements without end": "<domain><name>g</name>" + "<a>" * 300_000,
    "empty elements": "<domain><name>g</name>" + "<a/>" * 250_000 + "</domain>",
    "30,000 secrets": (
        "<domain><name>g</name><devices><disk>"
        + "".join(f"<secret uuid='{number}'/>" for number in range(30_000))
        + "</disk></devices></domain>"
    ),
    "a bus of many paths": (
        f"<domain><name>g</name><devices><graphics type='dbus' address='{'path=' * 200_000}'/>"
        "</devices></domain>"
    ),
    "a million spaces": (
        f"<domain><name>g</name><devices><graphics{' ' * 1_000_000}/></devices></domain>"
    ),
}
PROGRAM = """
import resource, sys, time
from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit_agent.describe import describe_vm
from vmfit_agent.host import Host
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_contract.access import LOCAL

def size(field):
    with open("/proc/self/statm") as file:
        return int(file.read().split()[field]) * resource.getpagesize()

describe_vm(DescribeVmRequest(xml="<domain><name>g</name></domain>"), Host(), LOCAL)
requests = [DescribeVmRequest.FromString(open(path, "rb").read()) for path in sys.argv[2:]]
resource.setrlimit(resource.RLIMIT_AS, (size(0) + int(sys.argv[1]),) * 2)
began = time.process_time()
kept = 0
for number, request in enumerate(requests):
    if number == len(requests) // 2:
        kept = size(1)
    try:
        describe_vm(request, Host(), LOCAL)
        print("described")
    except UnusableDefinition as error:
        print("refused:", error)
print(time.process_time() - began)
print(size(1) - kept)
"""


def in_a_process_of_its_own(tmp_path, definitions, extra_mib):
    """Return the lines that describing them gives, the seconds of CPU, the bytes kept later."""
    paths = []
    for number, xml in enumerate(definitions):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(DescribeVmRequest(xml=xml).SerializeToString())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(extra_mib << 20), *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *lines, seconds, kept = done.stdout.splitlines()
    return lines, float(seconds), int(kept)


@pytest.mark.parametrize("kind", LARGE)
def test_one_definition_takes_little_time_and_memory(tmp_path, kind):
    assert len(LARGE[kind]) <= 1024 * 1024
    (line,), seconds, _ = in_a_process_of_its_own(tmp_path, [LARGE[kind]], 128)
    print(f"{kind}: {line}, {seconds:.2f} s of CPU")  # noqa: T201
    assert line.startswith("refused: domain XML: ") or kind == "a million spaces"
    assert seconds < 3


def definition_of_836_kib(number):
    disks = "".join(
        f"<disk type='file'><source file='/nowhere/{number}/{disk}'/><target dev='vd{disk}'/>"
        f"<serial>{'s' * 500}{disk}</serial></disk>"
        for disk in range(1000)
    )
    pins = "".join(f"<vcpupin vcpu='{vcpu}' cpuset='0-255'/>" for vcpu in range(1000))
    xml = (
        f"<domain><name>g{number}</name><cputune>{pins}</cputune><devices>{disks}</devices>"
        "<description>{}</description></domain>"
    )
    return xml.format("d" * (836 * 1024 - len(xml)))


def test_definitions_leave_nothing_behind(tmp_path):
    lines, _, kept = in_a_process_of_its_own(tmp_path, map(definition_of_836_kib, range(40)), 400)
    print(f"{kept / (1 << 20):.1f} MiB more after the 40th than after the 20th")  # noqa: T201
    assert lines == ["described"] * 40
    assert kept < 4 << 20


@pytest.mark.parametrize("place", SETS)
def test_every_set_counts(place):
    fits = SETS[place].format(",".join([WIDE] * 16))
    parse_vm(f"<domain><name>g</name>{fits}</domain>")
    too_much = SETS[place].format(",".join([WIDE] * 16 + ["5"]))
    with pytest.raises(UnusableDefinition, match=f"<{place}> and those before it name more than"):
        parse_vm(f"<domain><name>g</name>{too_much}</domain>")


def test_no_set_is_read_from_an_attribute_that_does_not_count():
    read = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "id_set":
                (inner,) = node.args
                assert isinstance(inner, ast.Call)
                read.add(inner.args[-1].value)
    assert read == set(bounds.ID_ATTRIBUTES)


def test_a_set_alone_is_bounded_too():
    assert id_set(",".join([WIDE] * 17)) == []
    assert named_ids(",".join([WIDE] * 16)) == MAXIMUM_IDS
    assert len(id_set(",".join([WIDE] * 16))) == 16384


@pytest.mark.parametrize(("tag", "most"), bounds.MOST_OF_A_TAG.items())
def test_lists_are_bounded_wherever_they_stand(tag, most):
    name = tag.rpartition("}")[2]
    prefix = "q:" if "}" in tag else ""

    def definition(count):
        return (
            "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name><x>"
            + f"<{prefix}{name}/>" * count
            + "</x></domain>"
        )

    parse_vm(definition(most))
    with pytest.raises(UnusableDefinition, match=f"more than {most} <{name}>"):
        parse_vm(definition(most + 1))


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        ("<devices>" + "<rng/>" * 4097 + "</devices>", "<devices> holds more than 4096"),
        ("<a>" * 256 + "</a>" * 256, "elements lie more than 256 deep"),
        ("<a/>" * 32_767, "more than 32768 elements"),
        (f"<os><loader>/{'x' * 8192}</loader></os>", "<loader> has more than 8192 characters"),
        (f"<os><smbios mode='{'x' * 8193}'/></os>", "mode of <smbios> has more than 8192"),
        (f"<a xmlns='{'x' * 257}'/>", "a namespace of more than 256 characters"),
        (f'<a xmlns:{"y" * 300} = "{"x" * 257}"/>', "a namespace of more than 256 characters"),
        ("<a xmlns:b='u'/>" * 65, "more than 64 namespaces"),
        ("<disk><metadata>" + "<secret/>" * 2049 + "</metadata></disk>", "more than 2048 <secret>"),
    ],
)
def test_what_is_too_much(xml, why):
    with pytest.raises(UnusableDefinition, match=f"^domain XML: {why}"):
        parse_vm(f"<domain><name>g</name>{xml}</domain>")


def test_what_real_guests_have_fits():
    pins = "".join(f"<vcpupin vcpu='{vcpu}' cpuset='0-511'/>" for vcpu in range(500))
    arguments = f"<q:arg value='-name'/><q:arg value='{'x' * 100_000}'/>"
    stores = "<backingStore type='file'><source file='/b'/>" * 200 + "</backingStore>" * 200
    disks = f"<disk type='file'><source file='/i'/>{stores}</disk>" * 10
    vm = parse_vm(
        "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name>"
        f"<metadata>{'<deep>' * 300}{'</deep>' * 300}<note>{'n' * 9000}</note></metadata>"
        f"<description>{'d' * 20_000}</description><cputune>{pins}</cputune>"
        f"<devices>{disks}</devices><q:commandline>{arguments}</q:commandline></domain>"
    )
    assert len(vm.vcpus.pins) == 500
    assert len(vm.vcpus.pins[0].cpu_ids) == 512
    assert [len(disk.backing_chain) for disk in vm.disks] == [200] * 10
    assert list(vm.qemu_arguments) == ["-name", "x" * 100_000]


def test_a_name_of_any_length_is_not_handed_on():
    with pytest.raises(UnusableDefinition, match="more than 255 characters"):
        describe_vm(DescribeVmRequest(name="x" * 256), Host(), LOCAL)


def test_only_what_libvirt_gave_is_remembered():
    xml = "<domain><name>remembered</name><title>{}</title></domain>"
    before = remembered._REMEMBERED.held_bytes()
    describe_vm(DescribeVmRequest(xml=xml.format(1)), Host(), LOCAL)
    parse_vm(xml.format(2))
    assert remembered._REMEMBERED.held_bytes() == before
    first = libvirts_vm(xml.format(3))
    assert remembered._REMEMBERED.held_bytes() > before
    assert libvirts_vm(xml.format(3)) == first
    first.name = "changed"
    assert libvirts_vm(xml.format(3)).name == "remembered"


def test_what_is_remembered_is_bounded_in_bytes():
    for number in range(3000):
        libvirts_vm(f"<domain><name>g{number}</name><uuid>{'u' * 4000}</uuid></domain>")
    assert remembered._REMEMBERED.held_bytes() <= remembered.REMEMBERED_BYTES
