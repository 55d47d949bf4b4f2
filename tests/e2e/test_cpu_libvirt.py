"""Random guest CPUs: what vmfit says beside what a real libvirtd says of the same definitions.

`virsh hypervisor-cpu-compare` judges each definition against the CPU that QEMU emulates on a host
of the lab, and against the one that KVM gives where the machine has it; vmfit reads the same host's
domain capabilities. Some 10 seconds each.
"""

import os
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab import Host, Lab
from lesser_kvm import kvm_trouble

from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.virtualization.capabilities_xml import parse_domain_capabilities
from vmfit_agent.virtualization.cpu_expansion import CpuExpander, Hypervisor
from vmfit_agent.virtualization.libvirt_connection import LiveLibvirt
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.knowledge.cpu.compare import Fit, compare
from vmfit_comparator.knowledge.cpu.hosts import destination_offer
from vmfit_comparator.knowledge.cpu.special_features import NOT_IN_HOST_MODELS
from vmfit_contract.cpu_features import names as names_of

TOOLS = ("libvirtd", "qemu-system-x86_64", "bindfs", "nsenter", "unshare", "ip")
COUNT = 400
POLICIES = ("require", "require", "force", "optional", "disable", "disable", "forbid")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(
        not all(map(shutil.which, TOOLS)), reason=f"needs all of {', '.join(TOOLS)}"
    ),
]


class Expanding:
    """libvirt's own knowledge of models, and the domain capabilities of a host of the lab."""

    def __init__(self, capabilities_xml: str) -> None:
        self._library = LiveLibvirt(["test:///default"]).connect("test:///default")
        self._capabilities = capabilities_xml

    def expand_cpu(self, xml: str) -> str:
        return self._library.expand_cpu(xml)

    def domain_capabilities(self, *_question: object) -> str:
        return self._capabilities


@pytest.fixture(scope="module", params=["qemu", "kvm"])
def kind(request):
    if request.param == "kvm" and (why := kvm_trouble()):
        pytest.skip(why)
    return request.param


@pytest.fixture(scope="module")
def host(kind):
    directory = Path(tempfile.mkdtemp(prefix="vmfit-", dir="/tmp"))
    try:
        with Lab(directory / "lab", source={"kvm": kind == "kvm"}) as lab:
            yield lab.source
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def random_cpu(
    choose: random.Random, models: list[str], features: list[str], own: list[str]
) -> str:
    """Write a definition; half of its features are such that the host has."""
    match = choose.choice(["minimum", "exact", "exact", "strict"])
    vendor = choose.choice(["", "", "", "Intel", "AMD"])
    names = choose.sample(features, choose.randint(0, 4)) + choose.sample(own, choose.randint(0, 6))
    if match == "strict" and choose.random() < 0.5:
        names = own
    listed = "".join(
        f"<feature policy='{choose.choice(POLICIES)}' name='{name}'/>" for name in set(names)
    )
    return (
        f"<cpu mode='custom' match='{match}'>"
        f"<model fallback='forbid'>{escape(choose.choice(models))}</model>"
        f"{f'<vendor>{vendor}</vendor>' if vendor else ''}{listed}</cpu>"
    )


def libvirt_says(host: Host, kind: str, definitions: list[str]) -> list[tuple[str, str]]:
    """Return "SUPERSET", "IDENTICAL", "INCOMPATIBLE" or "ERROR" for each, and libvirt's words."""
    directory = host.state / "local" / "cpus"
    directory.mkdir(exist_ok=True)
    commands = []
    for number, xml in enumerate(definitions):
        (directory / f"{number}.xml").write_text(xml)
        path = f"/srv/local/cpus/{number}.xml"
        commands.append(
            f"echo --err @{number}\nhypervisor-cpu-compare {path} --virttype {kind} --error"
        )
    (directory / "commands").write_text("\n".join(commands) + "\n")
    done = host.run("virsh < /srv/local/cpus/commands 2>&1", check=False)
    parts = re.split(r"(?m)^.*@(\d+)$", done.stdout)
    found = {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}
    return [_result(found[number]) for number in range(len(definitions))]


def _result(text: str) -> tuple[str, str]:
    for word, result in (
        ("is identical to", "IDENTICAL"),
        ("is a superset of", "SUPERSET"),
        ("incompatible with", "INCOMPATIBLE"),
    ):
        if word in text:
            return result, text
    return "ERROR", text


def described(cpu_xml: str, kind: str, expander: CpuExpander) -> Vm:
    vm = parse_vm(
        f"<domain type='{kind}'><name>guest</name><memory unit='MiB'>64</memory>"
        f"<os><type arch='x86_64'>hvm</type></os>{cpu_xml}</domain>"
    )
    expander.expand_guest(vm)
    return vm


def snapshot_of(capabilities_xml: str, expander: CpuExpander) -> Snapshot:
    snapshot = Snapshot()
    connection = snapshot.hypervisor.connections.add(uri="qemu:///system", driver="QEMU")
    capabilities = connection.domain_capabilities.add()
    capabilities.CopyFrom(parse_domain_capabilities(capabilities_xml))
    hypervisor = Hypervisor(capabilities.emulator_path, "x86_64", None, capabilities.domain_type)
    expander.expand_host_model(hypervisor, capabilities.host_model)
    return snapshot


def test_random_definitions(host, kind):
    seed = int(os.environ.get("VMFIT_SEED", random.randrange(1 << 30)))
    choose = random.Random(seed)
    xml = host.run(f"virsh domcapabilities --virttype {kind} --arch x86_64").stdout
    expander = CpuExpander(Expanding(xml))  # type: ignore[arg-type]
    snapshot = snapshot_of(xml, expander)
    own = list(snapshot.hypervisor.connections[0].domain_capabilities[0].host_model.features)
    models = host.run("virsh cpu-models x86_64").stdout.split()
    known = host.run(
        "grep -ho \"feature name='[^']*'\" /usr/share/libvirt/cpu_map/x86_features.xml"
    )
    features = re.findall(r"'([^']+)'", known.stdout)
    definitions = [random_cpu(choose, models, features, own) for _ in range(COUNT)]
    told: dict[str, int] = {}
    wrong = []
    answers = libvirt_says(host, kind, definitions)
    for cpu_xml, (result, text) in zip(definitions, answers, strict=True):
        vm = described(cpu_xml, kind, expander)
        if forbids_its_own(vm, expander):
            continue
        given = destination_offer(case_of(vm, snapshot))
        assert given is not None
        assert result != "ERROR", f"{cpu_xml}: {text}"
        told[result] = told.get(result, 0) + 1
        found = compare(vm.cpu, given.told, given.vendor)
        missing = re.search(r"does not provide required features: (.*)", text)
        names = tuple(sorted(missing[1].replace(" ", "").split(","))) if missing else ()
        if (found.fit.name, tuple(names_of(found.missing))) != (result, names):
            wrong.append(f"{cpu_xml}: libvirt {text.strip()}, vmfit {found}")
        # Guests of KVM may have these, though the host model that is compared with has not.
        if kind == "qemu" or not found.missing or found.missing - NOT_IN_HOST_MODELS:
            wrong += as_facts(vm, snapshot, result, cpu_xml)
    assert not wrong, f"seed {seed}: {len(wrong)} of {COUNT}: " + "\n".join(wrong[:5])
    assert set(told) >= {"SUPERSET", "INCOMPATIBLE"}, told


def forbids_its_own(vm: Vm, expander: CpuExpander) -> bool:
    """A definition that forbids what its own model has starts nowhere: too odd to be described."""
    hypervisor = Hypervisor(None, "x86_64", None, vm.domain_type)
    forbidden = {each.name for each in vm.cpu.features if each.policy == "forbid"}
    return not forbidden.isdisjoint(expander.model_features(hypervisor, vm.cpu.model))


def case_of(vm: Vm, snapshot: Snapshot) -> Case:
    return Case(snapshot, snapshot, vm, vm, MigrationOptions(live=True), Policy())


def as_facts(vm: Vm, snapshot: Snapshot, result: str, cpu_xml: str) -> list[str]:
    (found,) = evaluate([BUILT_IN["cpu.features"]], case_of(vm, snapshot))
    fits = found.answer >= Answer.ANSWER_PROBABLY_YES
    if fits == (result != Fit.INCOMPATIBLE.name):
        return []
    return [f"{cpu_xml}: libvirt {result}, {found.reason}"]
