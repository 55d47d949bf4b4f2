"""What hosts have in common, against libvirt's semantics and, where it is there, its answers."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.comparator.builders import destination_snapshot, source_snapshot
from vmfit.v1.hypervisor_pb2 import CpuModelUsability
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.baselines.baseline import baseline
from vmfit_comparator.baselines.baseline_model import best_model, common_models
from vmfit_comparator.knowledge.cpu.generations import generation


def host(features, *, models=(), vendor="Intel", domain_type="kvm", arch="x86_64"):
    snapshot = Snapshot()
    snapshot.cpu.architecture = arch
    connection = snapshot.hypervisor.connections.add(uri="qemu:///system", driver="QEMU")
    guest = connection.guest_archs.add(os_type="hvm", architecture=arch)
    guest.domain_types.append(domain_type)
    guest.machine_types.add(name="q35", canonical="pc-q35-7.2")
    guest.machine_types.add(name="pc-q35-7.2")
    capabilities = connection.domain_capabilities.add(domain_type=domain_type, architecture=arch)
    capabilities.host_model.features.extend(features)
    capabilities.host_model.vendor = vendor
    capabilities.models.extend(models)
    return snapshot


def model(name, *, usable=True, blockers=(), vendor="Intel"):
    return CpuModelUsability(name=name, usable=usable, blockers=blockers, vendor=vendor)


def features_of(xml):
    root = ET.fromstring(xml)
    return {
        policy: {each.get("name") for each in root.iter("feature") if each.get("policy") == policy}
        for policy in ("require", "disable")
    }


def elsewhere(arch, *, host_cpu="", host_model="", extra=(), part=1):
    snapshot = host([], arch=arch)
    connection = snapshot.hypervisor.connections[0]
    connection.host_cpu.model = host_cpu
    offered = connection.domain_capabilities[0].host_model
    offered.model = host_model
    offered.extra_features.extend(extra)
    snapshot.cpu.model = part
    return snapshot


@pytest.mark.parametrize(
    ("hosts", "model", "xml"),
    [
        (
            [elsewhere("ppc64le", host_cpu="POWER9")] * 2,
            "POWER9",
            "<cpu mode='custom' match='exact'><model>POWER9</model></cpu>",
        ),
        (
            [elsewhere("ppc64le", host_cpu="POWER10"), elsewhere("ppc64le", host_cpu="POWER8")],
            "POWER8",
            "<cpu mode='host-model'><model>power8</model></cpu>",
        ),
        (
            [elsewhere("s390x", host_model="gen15a-base", extra=["edat"])] * 2,
            "gen15a-base",
            (
                "<cpu mode='custom' match='exact'><model>gen15a-base</model>"
                "<feature policy='require' name=\"edat\"/></cpu>"
            ),
        ),
        (
            [
                elsewhere("s390x", host_model="gen15a-base", extra=["edat"]),
                elsewhere("s390x", host_model="z13.2-base"),
            ],
            "z13.2-base",
            "<cpu mode='custom' match='exact'><model>z13.2-base</model></cpu>",
        ),
        ([elsewhere("aarch64")] * 2, "", "<cpu mode='host-passthrough'/>"),
        ([elsewhere("aarch64"), elsewhere("aarch64", part=2)], "", ""),
        ([elsewhere("ppc64le")] * 2, "", ""),
    ],
)
def test_other_architectures(hosts, model, xml):
    response = baseline({str(number): each for number, each in enumerate(hosts)})
    assert response.model == model
    assert "".join(line.strip() for line in response.cpu_xml.splitlines()) == xml
    assert response.cpu_xml.startswith("<cpu") or response.warnings
    assert list(response.machine_types) == ["pc-q35-7.2"]


def test_features_are_what_all_have():
    one = host(["sse2", "avx", "avx2"], models=[model("Haswell")])
    other = host(["sse2", "avx", "pcid"], models=[model("Haswell")])
    response = baseline({"one": one, "other": other})
    assert list(response.features) == ["avx", "sse2"]
    extras = {each.host: list(each.extra_features) for each in response.hosts}
    assert extras == {"one": ["avx2"], "other": ["pcid"]}
    assert (response.domain_type, response.architecture, response.vendor) == (
        "kvm",
        "x86_64",
        "Intel",
    )
    assert list(response.machine_types) == ["pc-q35-7.2"]
    assert list(response.warnings) == []


def test_xml_is_what_libvirt_takes():
    one = host(["sse2", "avx", "osxsave", "invtsc"], models=[model("Westmere"), model("Haswell")])
    response = baseline({"one": one})
    root = ET.fromstring(response.cpu_xml)
    assert root.attrib == {"mode": "custom", "match": "exact"}
    found = root.find("model")
    assert found is not None
    assert (found.text, found.get("fallback")) == ("Haswell", "forbid")
    # QEMU has no property for osxsave, and invtsc keeps a guest from moving.
    assert features_of(response.cpu_xml) == {"require": {"sse2", "avx"}, "disable": set()}


def test_a_known_model_needs_no_features_of_its_own():
    one = host(["sse2", "avx", "aes"], models=[model("Named")])
    cpu = one.hypervisor.connections[0].domain_capabilities[0].host_model
    cpu.model, cpu.expanded = "Named", True
    cpu.extra_features.append("aes")
    assert features_of(baseline({"one": one}).cpu_xml)["require"] == {"aes"}


def test_a_host_models_own_name_needs_no_blockers():
    """libvirt 9 names no blockers; what it takes from its host model tells them."""
    one = host(["sse2", "aes"], models=[model("EPYC", usable=False, vendor="AMD"), model("Penryn")])
    cpu = one.hypervisor.connections[0].domain_capabilities[0].host_model
    cpu.model, cpu.vendor, cpu.expanded = "EPYC", "AMD", True
    cpu.extra_features.append("aes")
    cpu.disabled_features.append("osvw")
    response = baseline({"one": one})
    assert (response.model, response.vendor) == ("EPYC", "AMD")
    assert features_of(response.cpu_xml) == {"require": {"aes"}, "disable": {"osvw"}}


def test_what_a_model_has_beyond_the_baseline_is_disabled():
    one = host(["sse2", "mpx"], models=[model("Skylake-Server")])
    other = host(["sse2"], models=[model("Skylake-Server", usable=False, blockers=["mpx"])])
    response = baseline({"one": one, "other": other})
    assert response.model == "Skylake-Server"
    assert features_of(response.cpu_xml) == {"require": {"sse2"}, "disable": {"mpx"}}


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ([model("Nehalem"), model("Haswell"), model("Westmere")], "Haswell"),
        ([model("Haswell-noTSX"), model("Haswell-noTSX-IBRS")], "Haswell-noTSX-IBRS"),
        # The hosts' own vendor, whatever is newer.
        ([model("Haswell"), model("EPYC-Milan", vendor="AMD")], "Haswell"),
        # Nothing is known of why it cannot run.
        ([model("Penryn"), model("Haswell", usable=False)], "Penryn"),
        ([model("Penryn"), CpuModelUsability(name="Haswell", vendor="Intel")], "Penryn"),
        # Much switched off is worse than older.
        (
            [model("Penryn"), model("Haswell", usable=False, blockers="abcdefghijklmnopqr")],
            "Penryn",
        ),
        ([], ""),
    ],
)
def test_the_best_model(models, expected):
    assert baseline({"one": host(["sse2"], models=models)}).model == expected


def test_a_model_must_be_known_to_every_host():
    one = host(["sse2"], models=[model("Haswell"), model("Penryn")])
    other = host(["sse2"], models=[model("Penryn")])
    assert baseline({"one": one, "other": other}).model == "Penryn"


def test_generations_are_in_order():
    names = ["Icelake-Server", "Penryn", "Skylake-Client", "Haswell-IBRS", "Skylake-Server-v4"]
    in_order = ["Penryn", "Haswell-IBRS", "Skylake-Client", "Skylake-Server-v4", "Icelake-Server"]
    assert sorted(names, key=generation) == in_order
    assert generation("EPYC-Rome") > generation("EPYC-v4") > generation("EPYC")
    assert generation("POWER10") > generation("POWER9")


def test_without_the_hypervisors_word_the_processor_stands_in():
    one, other = host(["sse2", "avx"]), Snapshot()
    other.cpu.architecture = "x86_64"
    other.cpu.vendor = "GenuineIntel"
    other.cpu.features.extend(["sse2", "vmx"])
    response = baseline({"one": one, "other": other})
    assert list(response.features) == ["sse2"]
    assert response.vendor == "Intel"
    assert any(each.startswith("other: what kvm gives") for each in response.warnings)
    assert "machine types are not known of other" in response.warnings


def test_without_the_hypervisors_word_kvms_stands_in():
    one, other = host(["sse2", "avx", "ssse3"]), Snapshot()
    other.cpu.architecture, other.cpu.vendor = "x86_64", "GenuineIntel"
    other.cpu.features.extend(["sse2", "ssse3", "intel-pt"])
    sse2, avx, clock = 1 << 26, 1 << 28, 1
    other.cpu.kvm.supported_leaves.add(leaf=1, edx=sse2, ecx=avx)
    other.cpu.kvm.supported_leaves.add(leaf=0x40000001, eax=clock)
    response = baseline({"one": one, "other": other}, domain_type="kvm")
    assert list(response.features) == ["avx", "sse2"]
    assert not response.hosts[1].extra_features
    assert any("known from KVM alone" in each for each in response.warnings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda each: each.cpu.ClearField("features") or each.ClearField("hypervisor"), "no CPU"),
        (lambda each: setattr(each.cpu, "architecture", "aarch64"), "architectures differ"),
    ],
)
def test_no_answer_rather_than_a_wrong_one(change, message):
    one, other = host(["sse2"]), host(["sse2"])
    change(other)
    with pytest.raises(ValueError, match=message):
        baseline({"one": one, "other": other})


def test_domain_types():
    kvm, emulated = host(["sse2"]), host(["sse2"], domain_type="qemu")
    with pytest.raises(ValueError, match="no domain type in common"):
        baseline({"one": kvm, "other": emulated})
    both = host(["sse2"])
    both.hypervisor.connections[0].domain_capabilities.add(
        domain_type="qemu", architecture="x86_64"
    ).host_model.features.append("sse2")
    assert baseline({"one": both, "other": emulated}).domain_type == "qemu"
    assert baseline({"one": both, "other": kvm}).domain_type == "kvm"


def test_vendors_mixed():
    response = baseline({"one": host(["sse2"]), "other": host(["sse2"], vendor="AMD")})
    assert response.vendor == ""
    assert any("one Intel, other AMD" in each for each in response.warnings)


def test_machine_types_newest_last():
    hosts = {"one": host(["sse2"]), "other": host(["sse2"])}
    for each in hosts.values():
        types = each.hypervisor.connections[0].guest_archs[0].machine_types
        for name in ("pc-q35-10.0", "pc-i440fx-9.1", "microvm"):
            types.add(name=name)
    found = list(baseline(hosts).machine_types)
    assert found == ["microvm", "pc-q35-7.2", "pc-i440fx-9.1", "pc-q35-10.0"]


def test_healthy_hosts():
    response = baseline({"alpha": source_snapshot(), "beta": destination_snapshot()})
    assert response.model
    assert not any(each.extra_features for each in response.hosts)


FEATURES = st.frozensets(st.sampled_from(["sse2", "avx", "avx2", "aes", "mpx", "pcid"]))


@given(st.lists(FEATURES, min_size=1, max_size=4))
def test_no_host_lacks_what_the_xml_asks(sets):
    hosts = {str(index): host(each or ["fpu"]) for index, each in enumerate(sets)}
    own = frozenset(["sse2", "mpx"])
    for features, snapshot in zip(sets, hosts.values(), strict=True):
        capabilities = snapshot.hypervisor.connections[0].domain_capabilities[0]
        lacking = sorted(own - features)
        capabilities.models.append(model("M", usable=not lacking, blockers=lacking))
    response = baseline(hosts)
    asked = features_of(response.cpu_xml)
    assert asked["disable"] >= own - frozenset(response.features)
    for features in sets:
        given_to_guest = (own - asked["disable"]) | asked["require"]
        assert given_to_guest <= (features or {"fpu"})


def test_no_models_at_all():
    assert common_models([{}, {}], frozenset(), {}) == []
    assert best_model([], "Intel") is None
