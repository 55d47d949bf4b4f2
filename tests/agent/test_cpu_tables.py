"""CPUID, CPU lists, /proc/cpuinfo: texts and numbers alone."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit_agent.collectors import cpu
from vmfit_agent.kernel_files.cpu_list import format_cpu_list, parse_cpu_list, parse_cpu_mask
from vmfit_agent.processors import cpuid
from vmfit_agent.processors.cpu_info import parse_cpuinfo
from vmfit_agent.processors.kernel_flags import features_of_kernel_flags
from vmfit_agent.processors.kvm import parse_supported_leaves
from vmfit_contract.cpu_features import names

WORD = st.integers(0, 2**32 - 1)
ID_SETS = st.sets(st.integers(0, 9000), max_size=200)


@given(ID_SETS)
def test_cpu_lists_and_masks_round_trip(ids):
    mask = sum(1 << number for number in ids)
    digits = f"{mask:x}".rjust(-(-len(f"{mask:x}") // 8) * 8, "0")
    words = ",".join(digits[place : place + 8] for place in range(0, len(digits), 8))
    assert parse_cpu_list(format_cpu_list(ids) + "\n") == sorted(ids)
    assert parse_cpu_mask(words + "\n") == sorted(ids)


@pytest.mark.parametrize("text", ["3-1", "a", "1-", "-1", "0-99999999", "1,,x", "²", "1 2"])
def test_what_is_no_cpu_list_is_refused(text):
    with pytest.raises(ValueError, match="not a list of CPUs"):
        parse_cpu_list(text)


@pytest.mark.parametrize("text", ["", "xyz", "-1", "f,,f", "f" * 20000])
def test_what_is_no_cpu_mask_is_refused(text):
    with pytest.raises(ValueError, match="not a mask of CPUs"):
        parse_cpu_mask(text)


@given(st.dictionaries(st.tuples(WORD, st.integers(0, 63)), st.tuples(WORD, WORD, WORD, WORD)))
def test_cpuid_text_round_trips(leaves):
    text = cpuid.format_text(leaves)
    if leaves:
        assert cpuid.parse_text(text) == leaves
    else:
        with pytest.raises(ValueError, match="no CPUID leaves"):
            cpuid.parse_text(text)


@given(st.text(max_size=200))
def test_cpuid_text_of_a_stranger_is_read_or_refused(text):
    with suppress(ValueError):
        assert cpuid.parse_text(text)


def test_cpuid_text_of_several_cpus_gives_the_first():
    line = "   0x00000000 0x00: eax=0x{:08x} ebx=0x0000000a ecx=0x0000000b edx=0x0000000c\n"
    text = "CPU 0:\n" + line.format(1) + "CPU 1:\n" + line.format(2)
    assert cpuid.parse_text(text) == {(0, 0): (1, 10, 11, 12)}


def answering(table):
    return lambda leaf, subleaf: table.get((leaf, subleaf), (0, 0, 0, 0))


def test_subleaves_are_those_the_processor_has():
    found = cpuid.enumerate_leaves(
        answering(
            {
                (0, 0): (0x24, 0x756E6547, 0x6C65746E, 0x49656E69),
                (4, 0): (0x121, 1, 2, 3),
                (4, 1): (0x143, 1, 2, 3),
                (7, 0): (2, 0, 0, 0),
                (7, 2): (0, 0, 0, 0x3F),
                (0xB, 0): (1, 2, 0x100, 0),
                (0xB, 1): (4, 8, 0x201, 0),
                (0xD, 0): (0x7, 576, 832, 0),
                (0xD, 1): (0xF, 0, 0x100, 0),
                (0x10, 0): (0, 0b1010, 0, 0),
                (0x12, 0): (3, 0, 0, 0),
                (0x12, 2): (1, 0, 0, 0),
                (0x80000000, 0): (0x80000001, 0, 0, 0),
            }
        )
    )
    subleaves = {leaf: [s for number, s in found if number == leaf] for leaf, _ in found}
    assert subleaves[4] == [0, 1]
    assert subleaves[7] == [0, 1, 2]
    assert subleaves[0xB] == [0, 1]
    assert subleaves[0xD] == [0, 1, 2, 8]
    assert subleaves[0x10] == [0, 1, 3]
    assert subleaves[0x12] == [0, 1, 2]
    assert subleaves[0x80000001] == [0]
    assert not [leaf for leaf in subleaves if 0x40000000 <= leaf < 0x80000000]
    assert not [leaf for leaf in subleaves if leaf >= 0xC0000000]


def test_hypervisor_leaves_are_read_in_a_guest():
    found = cpuid.enumerate_leaves(
        answering(
            {
                (0, 0): (1, 0, 0, 0),
                (1, 0): (0, 0, 1 << 31, 0),
                (0x40000000, 0): (0, 0x4B4D564B, 0x564B4D56, 0x4D),
                (0x40000001, 0): (7, 0, 0, 0),
            }
        )
    )
    assert found[0x40000001, 0] == (7, 0, 0, 0)


@given(WORD, WORD)
def test_enumeration_ends_whatever_a_processor_answers(eax, ecx):
    found = cpuid.enumerate_leaves(lambda _leaf, _subleaf: (eax, 0xFFFFFFFF, ecx, 0xFFFFFFFF))
    assert len(found) <= 4 * 256 * 64


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("pclmulqdq", "pclmuldq"),
        ("sse4_1", "sse4.1"),
        ("tsc_deadline_timer", "tsc-deadline"),
        ("dts", "ds"),
        ("cqm", "cmt"),
        ("sha_ni", "sha-ni"),
        ("avx512_vbmi2", "avx512vbmi2"),
        ("avx512_vpopcntdq", "avx512-vpopcntdq"),
        ("arch_capabilities", "arch-capabilities"),
        ("cr8_legacy", "cr8legacy"),
        ("lahf_lm", "lahf_lm"),
        ("tsc_adjust", "tsc_adjust"),
        ("vmcb_clean", "vmcb-clean"),
    ],
)
def test_kernel_flags_have_libvirt_names(flag, name):
    assert names(features_of_kernel_flags([flag])) == [name]


def test_words_that_the_kernel_makes_up_are_no_features():
    words = "ibrs ibpb stibp ssbd constant_tsc nonstop_tsc rep_good pti ept vpid vnmi cpuid"
    assert features_of_kernel_flags(words.split()) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            """processor : 0\nCPU implementer : 0x41\nCPU architecture: 8\nCPU variant : 0x3
CPU part : 0xd0c\nCPU revision : 1\nFeatures : fp asimd\n""",
            ("ARM", 0xD0C, 0x31, {"fp", "asimd"}),
        ),
        (
            "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nrevision\t: 2.2 (pvr 004e 1202)\n",
            ("IBM", 0x4E, 0x1202, set()),
        ),
        (
            """vendor_id       : IBM/S390\nfeatures\t: esan3 zarch
processor 0: version = FF,  identification = 0000,  machine = 2964\n""",
            ("IBM/S390", 2964, None, {"esan3", "zarch"}),
        ),
        ("processor : 0\nisa : rv64imac_zicsr\n", (None, None, None, {*"imac", "zicsr"})),
        ("", (None, None, None, set())),
    ],
)
def test_cpuinfo_of_other_architectures(text, expected):
    info = parse_cpuinfo(text)
    assert (info.vendor, info.model, info.stepping, set(info.flags)) == expected


def test_flags_are_those_of_every_processor():
    text = "processor: 0\nflags : a b lm\n\nprocessor: 1\nflags : b c lm\n"
    assert parse_cpuinfo(text).flags == {"b", "lm"}


@given(st.text(max_size=300))
def test_any_text_is_a_cpuinfo(text):
    parse_cpuinfo(text)


def test_kvm_supported_cpuid_is_unpacked():
    header = (2).to_bytes(4, "little") + bytes(4)
    entry = [0xD, 1, 1, 0x1F, 2, 3, 4, 0, 0, 0, 7, 0, 1, 5, 6, 7, 8, 0, 0, 0]
    answer = header + b"".join(word.to_bytes(4, "little") for word in entry)
    assert parse_supported_leaves(answer) == {(7, 0): (5, 6, 7, 8), (0xD, 1): (0x1F, 2, 3, 4)}


@pytest.mark.corpus
def test_every_cpuinfo_is_read(corpus: Path):
    for path in sorted((corpus / "cpuinfo").glob("*.txt")):
        info = parse_cpuinfo(path.read_text())
        assert info.cpu_ids, path.name
        assert info.vendor or info.model_name, path.name
        assert info.flags or "power" in path.name, path.name


@pytest.mark.parametrize("name", ["online", "cpu0/topology/thread_siblings_list"])
def test_a_malformed_set_names_its_file(tree, name):
    host = tree({"sys/devices/system/cpu/online": "0\n", f"sys/devices/system/cpu/{name}": "3-1\n"})
    with pytest.raises(ValueError, match=f"^/sys/devices/system/cpu/{name}: not a list of CPUs"):
        cpu.collect(host)
