"""Kinds of core: from made-up leaves, and from dumps of real processors."""

import json
import tarfile
from pathlib import Path

import pytest

from vmfit_agent.collectors import cpu
from vmfit_agent.processors import cpuid
from vmfit_agent.processors.cpu_kinds import read_kinds
from vmfit_contract.cpu_features import cpuid_features, names

BASIC = {
    (0, 0): (0x16, 0x756E6547, 0x6C65746E, 0x49656E69),
    (1, 0): (0x000B06A2, 0x00800800, 0x7FFAFBFF, 0xBFEBFBFF),
    (7, 0): (0, 0x239C27EB, 0x184007AC, 1 << 29 | 1 << 15),
    (0xB, 0): (1, 2, 0x100, 0),
    (0xD, 0): (0x207, 576, 2696, 0),
    (0xD, 1): (0xF, 0x340, 0x1800, 0),
    (0x15, 0): (2, 180, 38400000, 0),
    (0x1A, 0): (0x40000001, 0, 0, 0),
    (0x80000007, 0): (0, 0, 0, 0x100),
    (0x80000008, 0): (0x302E, 0, 0, 0),
}


def leaves_of(apic_id, **changes):
    leaves = dict(BASIC)
    eax, ebx, ecx, edx = leaves[1, 0]
    leaves[1, 0] = (eax, ebx | apic_id << 24, ecx, edx)
    leaves[0xB, 0] = (1, 2, 0x100, apic_id)
    if changes.get("atom"):
        leaves[0x1A, 0] = (0x20000001, 0, 0, 0)
        leaves[7, 0] = (0, 0x239C27EB & ~(1 << 5), 0x184007AC, 1 << 29 | 1 << 15)
    return leaves


def hybrid(tree):
    kinds = [leaves_of(0), leaves_of(1), leaves_of(2, atom=True), leaves_of(4, atom=True)]
    files = {f"dev/cpu/{n}/cpuid": cpuid.format_text(leaves) for n, leaves in enumerate(kinds)}
    cpuinfo = "processor : 0\nflags : fpu lm avx2 constant_tsc\n"
    online = {"sys/devices/system/cpu/online": "0-3\n", "proc/cpuinfo": cpuinfo}
    return tree({**files, **online, "proc/sys/kernel/arch": "x86_64\n"})


def test_a_hybrid_host_has_what_all_its_cores_have(tree):
    part = cpu.collect(hybrid(tree))
    kinds = [(k.first_cpu_id, list(k.cpu_ids), k.core_type) for k in part.core_kinds]
    assert kinds == [(0, [0, 1], "core"), (2, [2, 3], "atom")]
    assert "bmi1" in part.features
    assert "avx2" not in part.features
    assert (part.vendor, part.family, part.model, part.stepping) == ("GenuineIntel", 6, 186, 2)
    assert (part.physical_address_bits, part.virtual_address_bits) == (46, 48)
    assert part.xsave.feature_mask == 0x207
    assert part.xsave.supervisor_mask == 0x1800
    assert part.xsave.maximum_size_bytes == 2696
    assert part.tsc.frequency_hz == 38400000 * 90
    assert part.tsc.invariant
    assert not part.tsc.HasField("scaling")


def test_a_core_that_cannot_be_asked_is_named(tree):
    host = hybrid(tree)
    (host.root / "dev/cpu/3/cpuid").unlink()
    assert [kind.cpu_ids for kind in read_kinds(host, range(4))] == [[0, 1], [2]]
    assert host.warnings == ["/dev/cpu/3/cpuid: No such file or directory; other CPUs were asked"]


def test_a_malformed_recording_of_a_core_is_refused(tree):
    host = hybrid(tree)
    (host.root / "dev/cpu/3/cpuid").write_text("not CPUID\n")
    with pytest.raises(ValueError, match="dev/cpu/3/cpuid: line 1 is no CPUID leaf"):
        cpu.collect(host)


def test_msrs_of_a_recording_are_features(tree):
    host = hybrid(tree)
    text = "0x000000cf 0x0000000000000020\n0x0000010a 0x0000000000000021\n"
    (host.root / "dev/cpu/0/msr").write_text(text)
    part = cpu.collect(host)
    assert {"rdctl-no", "mds-no"} <= set(part.features)
    # The processor does not say that it has the register: what is read there is not its own.
    assert "split-lock-detect" not in part.features
    assert [(msr.index, msr.value) for msr in part.msrs] == [(0xCF, 0x20), (0x10A, 0x21)]


def test_without_cpuid_the_kernels_flags_stand_in(tree):
    host = tree(
        {
            "proc/cpuinfo": "processor : 0\nvendor_id : AuthenticAMD\ncpu family : 23\nmodel : 49"
            "\nstepping : 0\nmicrocode : 0x8301038\nflags : lm sse4_1 ibpb\n"
            "address sizes : 43 bits physical, 48 bits virtual\n",
            "sys/devices/system/cpu/online": "0",
        }
    )
    part = cpu.collect(host)
    assert list(part.features) == ["lm", "sse4.1"]
    assert not part.core_kinds
    assert (part.family, part.model, part.physical_address_bits) == (23, 49, 43)
    assert list(part.microcode_revisions) == ["0x8301038"]
    assert any("mitigations" in warning for warning in host.warnings)
    assert not part.HasField("xsave")
    assert not part.tsc.HasField("invariant")


# A line of hwloc's dumps: "which inputs => outputs", one file for each processor.
def _hwloc_leaves(text):
    leaves = {}
    for line in text.splitlines():
        inputs, arrow, outputs = line.partition("=>")
        words = inputs.split()
        if arrow and not line.startswith("#") and len(words) == 5:
            mask, leaf, _, subleaf, _ = (int(word, 16) for word in words)
            leaves[leaf, subleaf if mask & 4 else 0] = tuple(
                int(word, 16) for word in outputs.split()
            )
    return leaves


@pytest.mark.corpus
def test_raw_dumps_agree_with_libvirt(corpus: Path):
    known = set(json.loads((corpus / "cpuid/libvirt_feature_bits.json").read_text()))
    archives = sorted((corpus / "cpuid/raw").glob("*.tar.bz2"))
    assert len(archives) > 10
    for path in archives:
        expected = json.loads(
            (corpus / f"cpuid/json/hw-{path.name.removesuffix('.tar.bz2')}.json").read_text()
        )
        with tarfile.open(path) as archive:
            name = next(n for n in archive.getnames() if n.rpartition("/")[2] == "pu0")
            member = archive.extractfile(name)
            assert member is not None
            leaves = _hwloc_leaves(member.read().decode())
        assert cpuid.vendor(leaves) == expected["vendor_string"], path.name
        found = set(names(cpuid_features(leaves)))
        assert found & known == set(expected["features"]), path.name


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Intel-RaptorLake-Corei7-1370P", {"core": 12, "atom": 8}),
        ("AMD-19h-Zen4-2xEpyc-9654", {None: 384}),
        ("Intel-CascadeLake-2xXeon6230", {None: 80}),
    ],
)
def test_kinds_of_real_processors(corpus: Path, tmp_path, tree, name, expected):
    files = {}
    with tarfile.open(corpus / f"cpuid/raw/{name}.tar.bz2") as archive:
        for member in archive.getmembers():
            number = member.name.rpartition("/pu")[2]
            content = archive.extractfile(member) if number.isdigit() else None
            if content is not None:
                leaves = _hwloc_leaves(content.read().decode())
                files[f"dev/cpu/{number}/cpuid"] = cpuid.format_text(leaves)
    found = read_kinds(tree(files), range(len(files)))
    counts: dict[str | None, int] = {}
    for kind in found:
        counts[kind.core_type] = counts.get(kind.core_type, 0) + len(kind.cpu_ids)
    assert counts == expected
    assert len(found) == len(expected), [kind.cpu_ids for kind in found]
