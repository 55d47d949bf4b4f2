"""CPU features: what each bit is called by libvirt, QEMU and the kernel, and what registers show.

The tables of libvirt and QEMU are read where they are: in the corpus, and on this machine.
"""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.comparator.cpu_corpus import CORPUS
from vmfit_contract.cpu_features import (
    BITS,
    CPUID_BITS,
    FEATURE_MSRS,
    MSR_BITS,
    Bit,
    Cpuid,
    Msr,
    cpuid_features,
    feature,
    features,
    is_hypervisors,
    msr_features,
    names,
    own_leaves,
)

CPU_MAPS = (CORPUS / "cpuid/cpu_map", Path("/usr/share/libvirt/cpu_map"))
REGISTERS = ("eax", "ebx", "ecx", "edx")


def test_every_feature_has_a_place_of_its_own():
    assert len({(bit.place, bit.number) for bit in BITS}) == len(BITS)
    assert len({bit.name for bit in BITS}) == len(BITS)


def test_no_family_calls_a_bit_as_another_calls_another():
    meanings: dict[str, set[Bit]] = {}
    for bit in BITS:
        for name in {bit.name, bit.kernel_name, *bit.qemu_names}:
            meanings.setdefault(name, set()).add(bit)
    assert not [name for name, bits in meanings.items() if len(bits) > 1]


@pytest.mark.parametrize(
    "spellings",
    [
        "pni sse3",
        "pclmuldq pclmulqdq",
        "sse4.1 sse4-1 sse4_1",
        "tsc-deadline tsc_deadline_timer tsc_deadline",
        "ds dts",
        "nx xd",
        "lm i64",
        "fxsr_opt fxsr-opt ffxsr",
        "cmt cqm",
        "avx512vnni avx512_vnni",
        "avx512-vpopcntdq avx512_vpopcntdq",
        "arch-capabilities arch_capabilities",
        "core-capability core_capabilities",
        "pause-filter pause_filter pausefilter",
        "vmx-invvpid-single-context-noglobals vmx-invept-single-context-noglobals",
        "kvm-pv-eoi kvm_pv_eoi",
    ],
)
def test_names_of_one_bit_are_one_feature(spellings):
    first, *_ = spellings.split()
    assert features(spellings.split()) == {feature(first)}
    assert str(feature(first)) == first
    assert isinstance(feature(first), Bit)


def test_a_name_that_nobody_knows_is_a_feature_of_its_own():
    assert features(["sve", "newest", "avx2"]) == {"sve", "newest", feature("avx2")}
    assert names(features(["sve", "sse3"])) == ["pni", "sve"]


@given(st.lists(st.text(max_size=12)))
def test_no_name_is_dropped(listed):
    assert len(features(listed)) == len({feature(name) for name in listed})
    assert {str(each) for each in features(listed)} >= {
        name for name in listed if isinstance(feature(name), str)
    }


def test_the_place_is_told_in_words():
    assert str(feature("avx2").place) == "CPUID 0x7.0 EBX"
    assert feature("avx2").number == 5
    assert str(feature("rdctl-no").place) == "MSR 0x10a"


def test_what_a_hypervisor_makes_up_is_no_processors_feature():
    leaves = {(7, 0): (0, 1 << 5, 0, 0), (0x40000001, 0): (1, 0, 0, 0)}
    assert names(cpuid_features(leaves)) == ["avx2", "kvmclock"]
    assert names(cpuid_features(own_leaves(leaves))) == ["avx2"]
    assert is_hypervisors(feature("kvmclock"))
    assert not is_hypervisors(feature("hypervisor"))
    assert not is_hypervisors("sve")


def test_copies_of_leaf_1_are_no_features_of_their_own():
    assert not cpuid_features({(0x80000001, 0): (0, 0, 0, 0x0183F3FF)})


def test_a_vmx_control_is_a_feature_when_it_may_be_set_and_left():
    may, must, vmx = 0b1001001, 0b0001000, {feature("vmx")}
    found = msr_features({0x48D: may << 32 | must}, vmx)
    assert names(found) == ["vmx-intr-exit", "vmx-preemption-timer"]
    found = msr_features({0x485: 1 << 6, 0x48C: 1 << 43}, vmx)
    assert names(found) == ["vmx-activity-hlt", "vmx-invvpid-single-context-noglobals"]
    assert not msr_features({}, vmx)


def test_an_msr_counts_only_with_the_feature_that_announces_it():
    assert not msr_features({0x10A: 1}, features(["vmx"]))
    assert names(msr_features({0x10A: 1}, features(["arch_capabilities"]))) == ["rdctl-no"]
    assert {str(feature(place.announced_by)) for place in MSR_BITS} == {
        "arch-capabilities", "core-capability", "pdcm", "vmx",
    }  # fmt: skip
    assert set(FEATURE_MSRS) == {place.address for place in MSR_BITS}


@pytest.mark.parametrize("cpu_map", CPU_MAPS, ids=["corpus", "machine"])
def test_every_name_of_libvirt_has_the_same_bit(cpu_map):
    """Aliases too: https://libvirt.org names them after QEMU and the kernel."""
    path = cpu_map / "x86_features.xml"
    if not path.exists():
        pytest.skip(f"no {path}")
    compared = 0
    for each in ET.parse(path).getroot().iter("feature"):
        bit = feature(each.get("name", ""))
        assert isinstance(bit, Bit), each.get("name")
        assert bit.name == each.get("name")
        assert [feature(alias.get("name", "")) for alias in each.findall("alias")].count(bit) == (
            len(each.findall("alias"))
        ), bit.name
        for place, number in libvirt_places(each):
            assert (place, number) == (_plain(bit.place), bit.number), bit.name
            compared += 1
    assert compared > 200


def _plain(place: Cpuid | Msr) -> tuple[object, ...]:
    if isinstance(place, Msr):
        return (place.address,)
    return place.leaf, place.subleaf, place.register


def libvirt_places(element: ET.Element):
    for child in element:
        words = {name: int(child.get(name, "0"), 16) for name in REGISTERS}
        for number in range(32):
            for name in REGISTERS:
                if not words[name] >> number & 1:
                    continue
                if child.tag == "cpuid":
                    leaf, subleaf = (int(child.get(each, "0"), 16) for each in ("eax_in", "ecx_in"))
                    yield (leaf, subleaf, name), number
                elif child.tag == "msr":
                    high = 32 if name == "edx" else 0
                    yield (int(child.get("index", "0"), 16),), number + high


@pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="no QEMU here")
def test_every_name_of_this_qemu_is_a_bit():
    text = subprocess.run(
        ["qemu-system-x86_64", "-cpu", "help"], capture_output=True, text=True, check=True
    ).stdout
    listed = text.partition("Recognized CPUID flags:")[2].split()
    known = {name for bit in BITS for name in bit.qemu_names}
    # QEMU gives two kinds of INVVPID the names of INVEPT; one of them libvirt renames.
    assert set(listed) <= known
    assert len(listed) > 200


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS} (VMFIT_CORPUS)")
def test_processors_have_the_features_that_libvirt_sees():
    known = set(json.loads((CORPUS / "cpuid/libvirt_feature_bits.json").read_text()))
    documents = sorted((CORPUS / "cpuid/json").glob("*.json"))
    assert len(documents) > 30
    for path in documents:
        document = json.loads(path.read_text())
        leaves = {
            (int(leaf, 16), row["subleaf"]): tuple(int(row[name], 16) for name in REGISTERS)
            for leaf, rows in document["leaves"].items()
            for row in rows
        }
        msrs = {
            int(index, 16): int(value["edx"], 16) << 32 | int(value["eax"], 16)
            for index, value in (document["msrs"] or {}).items()
        }
        # Whatever announces them: libvirt takes the registers as they were recorded.
        announced = features(place.announced_by for place in MSR_BITS)
        found = {*names(cpuid_features(own_leaves(leaves))), *names(msr_features(msrs, announced))}
        assert found & known == set(document["features"]), path.name


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS} (VMFIT_CORPUS)")
def test_qemu_names_the_same_vmx_features():
    text = (CORPUS / "cpuid/raw/lv-Atom-P5362.qemu-reply.json").read_text()
    told = set(re.findall(r'"(vmx-[\w-]+)"', text))
    assert len(told) > 50
    assert not [name for name in told if not isinstance(feature(name), Bit)]


def test_every_register_is_listed_once():
    assert len({(place.leaf, place.subleaf, place.register) for place in CPUID_BITS}) == len(
        CPUID_BITS
    )
