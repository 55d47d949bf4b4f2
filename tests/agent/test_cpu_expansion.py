"""CPU models expanded to features, with the libvirt library's own knowledge of models."""

import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from vmfit.v1.hypervisor_pb2 import HostCpuModel
from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.host import LibvirtUnavailable
from vmfit_agent.virtualization.cpu_expansion import CpuExpander, Hypervisor, NotExpandable
from vmfit_agent.virtualization.libvirt_connection import LiveLibvirt

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("VMFIT_CORPUS", ROOT / "../shared/corpus"))

X86 = Hypervisor("/q", "x86_64", "pc", "kvm")
MODELS = {"Base": ["a", "b", "c"], "Small": ["a"], "Steady": ["a", "invtsc"]}


class Connection:
    """A libvirt that knows the models above, and a host-model made of one."""

    def __init__(self, host_model: str | None = "Base") -> None:
        self.host_model = host_model
        self.questions = 0

    def expand_cpu(self, xml):
        self.questions += 1
        cpu = ET.fromstring(xml)
        name = cpu.findtext("model")
        for feature in cpu.findall("feature"):
            if feature.get("name", "").startswith("new"):
                raise LibvirtUnavailable(f"Unknown CPU feature {feature.get('name')}")
        if name not in MODELS:
            raise LibvirtUnavailable(f"unknown CPU model {name}")
        features = "".join(f"<feature policy='require' name='{one}'/>" for one in MODELS[name])
        return f"<cpu mode='custom'><model>{name}</model>{features}</cpu>"

    def expand_hypervisor_cpu(self, *question):
        raise LibvirtUnavailable("no such call")

    def domain_capabilities(self, emulator, architecture, machine, domain_type):
        self.questions += 1
        if self.host_model is None:
            raise LibvirtUnavailable("no KVM here")
        return (
            f"<domainCapabilities><domain>{domain_type}</domain><cpu>"
            f"<mode name='host-model' supported='yes'><model>{self.host_model}</model>"
            "<feature policy='require' name='x'/><feature policy='disable' name='c'/></mode></cpu>"
            "</domainCapabilities>"
        )


def expanded(cpu: str, connection=None):
    vm = parse_vm(
        "<domain type='kvm'><name>g</name><os><type arch='x86_64' machine='pc'>hvm</type></os>"
        f"{cpu}</domain>"
    )
    CpuExpander(connection or Connection()).expand_guest(vm)
    return vm.cpu


@pytest.mark.parametrize(
    ("cpu", "features"),
    [
        ("<cpu mode='custom'><model>Base</model></cpu>", "a b c"),
        ("<cpu><model>Small</model></cpu>", "a"),
        (
            (
                "<cpu mode='custom'><model>Base</model><feature policy='require' name='d'/>"
                "<feature policy='force' name='e'/><feature policy='disable' name='a'/>"
                "<feature policy='forbid' name='b'/></cpu>"
            ),
            "c d e",
        ),
        (
            (
                "<cpu mode='custom'><model>Small</model><feature policy='optional' name='x'/>"
                "<feature policy='optional' name='y'/></cpu>"
            ),
            "a x",
        ),
        ("<cpu mode='host-model'/>", "a b x"),
        ("<cpu mode='host-passthrough'/>", "a b x"),
        ("<cpu mode='maximum'><feature policy='disable' name='x'/></cpu>", "a b"),
        ("<cpu mode='host-model'><model fallback='allow'/></cpu>", "a b x"),
    ],
)
def test_expansion(cpu, features):
    found = expanded(cpu)
    assert list(found.expanded_features) == features.split()
    assert found.expanded
    assert not found.expansion_error


@pytest.mark.parametrize(
    ("cpu", "features"),
    [
        ("<cpu mode='host-model'/>", "a x"),
        ("<cpu mode='host-model'><feature name='invtsc'/></cpu>", "a invtsc x"),
        ("<cpu mode='host-passthrough'/>", "a x"),
        ("<cpu mode='host-passthrough' migratable='off'/>", "a invtsc x"),
        ("<cpu mode='maximum' migratable='on'/>", "a x"),
        ("<cpu><model>Steady</model></cpu>", "a invtsc"),
    ],
)
def test_a_steady_clock_is_not_taken_from_the_host_unless_it_is_asked_for(cpu, features):
    assert list(expanded(cpu, Connection("Steady")).expanded_features) == features.split()


@pytest.mark.parametrize("policy", ["require", "force", "optional", "disable", "forbid"])
def test_features_that_libvirt_does_not_know_are_named(policy):
    listed = "".join(
        f"<feature policy='{policy}' name='{name}'/>" for name in ("a", "newer", "x", "new&lt;est")
    )
    found = expanded(f"<cpu><model>Base</model>{listed}</cpu>")
    assert list(found.unknown_features) == ["newer", "new<est"]
    assert found.expanded


def test_a_libvirt_that_went_away_makes_no_feature_unknown():
    connection = Connection()

    def fail(xml):
        raise LibvirtUnavailable("cannot send the request: the connection is lost")

    vm = parse_vm(
        "<domain type='kvm'><name>g</name><os><type arch='x86_64'>hvm</type></os>"
        "<cpu><model>Base</model><feature name='a'/><feature name='est'/></cpu></domain>"
    )
    expander = CpuExpander(connection)
    expander.model_features(Hypervisor(None, "x86_64", None, "kvm"), "Base")
    connection.expand_cpu = fail
    expander.expand_guest(vm)
    assert not vm.cpu.unknown_features


@pytest.mark.parametrize(
    ("cpu", "connection", "why"),
    [
        ("<cpu><model>Odd</model></cpu>", Connection(), "unknown CPU model Odd"),
        ("<cpu mode='host-model'/>", Connection(None), "no KVM here"),
        ("<cpu mode='host-passthrough'/>", Connection("Odd"), "unknown CPU model Odd"),
        ("", Connection(), "names no CPU model"),
    ],
)
def test_what_cannot_be_expanded_says_why(cpu, connection, why):
    found = expanded(cpu, connection)
    assert not found.expanded
    assert not found.expanded_features
    assert why in found.expansion_error


def test_each_question_is_asked_once():
    connection = Connection()
    expander = CpuExpander(connection)
    for _ in range(3):
        expander.model_features(X86, "Base")
        expander.host_model(X86)
        with pytest.raises(NotExpandable):
            expander.model_features(X86, "Odd")
    assert connection.questions == 3


def test_what_a_host_model_disables_stays_out():
    model = HostCpuModel(model="Base", extra_features=["x", "c"], disabled_features=["c"])
    CpuExpander(Connection()).expand_host_model(X86, model)
    assert list(model.features) == ["a", "b", "x"]
    assert model.expanded


@pytest.mark.corpus
def test_models_have_the_features_of_libvirts_cpu_map():
    pytest.importorskip("libvirt", reason="the libvirt Python module is not installed")
    cpu_map = CORPUS / "cpuid/cpu_map"
    if not cpu_map.is_dir():
        pytest.skip(f"no cpu_map in {cpu_map}")
    expander = CpuExpander(LiveLibvirt(["test:///default"]).connect("test:///default"))
    compared = 0
    for name in ("Skylake-Client-IBRS", "EPYC", "Icelake-Server", "qemu64", "Opteron_G3"):
        model = ET.parse(cpu_map / f"x86_{name}.xml").find("model")
        if model.find("model") is not None:
            continue  # Described as a change of another model.
        # Features that later emulators lack: libvirt lists them in the live XML, if they are on.
        expected = {
            feature.get("name")
            for feature in model.iterfind("feature")
            if feature.get("removed") != "yes"
        }
        assert expander.model_features(X86, name) == expected
        compared += 1
    assert compared >= 3
