"""The CPU facts agree with libvirt's own answers, from host and guest XML to the finding.

Hosts and guests go the whole way: domain capabilities and guest definitions through the agent's
parsers and its expansion of models, into a Snapshot and a Vm, and through the facts. Of the open
half of the corpus: definitions on hypervisors 446 of 446 (8 of them errors to libvirt, 9 with a
model that libvirt compares and QEMU lacks), the best CPUs of 26 hypervisors on one another 676 of
676, guests on hosts of which the processor alone is known 4854 of 4854 (144 more are of mode
host-model, of which nobody knows the features before a start), processors on other hosts 419 of
419, definitions that libvirt takes for errors 65 of 65, POWER 21 of 21 (7 hosts are missing).
"""

from functools import cache
from itertools import product

from tests.comparator.cpu_corpus import (
    CORPUS,
    NEEDS_CORPUS,
    answers,
    assert_agreement,
    described_vm,
    host,
    hypervisor_snapshot,
    read_cpu,
)
from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import VM_STATE_RUNNING, Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.knowledge.cpu.hosts import destination_host_model
from vmfit_comparator.knowledge.cpu.special_features import KVM_ALWAYS
from vmfit_contract.cpu_features import features as features_of
from vmfit_contract.cpu_features import names

pytestmark = NEEDS_CORPUS

FACTS = ("cpu.features", "cpu.vendor", "cpu.model_usable", "cpu.mode_passthrough")
FITS = {"SUPERSET", "IDENTICAL"}


def findings(vm: Vm, destination: Snapshot, source: Snapshot | None = None):
    return evaluate([BUILT_IN[each] for each in FACTS], case_of(vm, destination, source))


def case_of(vm: Vm, destination: Snapshot, source: Snapshot | None = None) -> Case:
    return Case(source or destination, destination, vm, vm, MigrationOptions(live=True), Policy())


def disagreement(result: str, found) -> str:
    """Say where the worst of the findings is not libvirt's answer; empty when it is."""
    worst = min(found, key=lambda each: each.answer)
    agrees = (
        worst.answer >= Answer.ANSWER_PROBABLY_YES
        if result in FITS
        else worst.answer <= Answer.ANSWER_PROBABLY_NO
    )
    if agrees:
        return ""
    return f"{result}, {worst.fact} {Answer.Name(worst.answer)}: {worst.reason}"


@cache
def hypervisor(path: str) -> Snapshot:
    return hypervisor_snapshot(path)


@cache
def definition(path: str, capabilities: str) -> Vm:
    """A guest with the CPU of a file, described by the host of `capabilities`."""
    text = (CORPUS / path).read_text()
    start = text.index("<cpu")
    end = text.index("</cpu>") + len("</cpu>") if "</cpu>" in text else len(text)
    return described_vm(
        text[start:end], (CORPUS / capabilities).read_text() if capabilities else ""
    )


def judged_hypervisors():
    for each in answers("hypervisor")["hosts"]:
        for answer in each["answers"]:
            yield each["host"], each["domcapabilities"], answer


def unknown_to_qemu(vm: Vm, snapshot: Snapshot) -> bool:
    """`cpu-compare` takes any model of libvirt's map; a start with fallback='forbid' does not."""
    (capabilities,) = snapshot.hypervisor.connections[0].domain_capabilities
    known = {each.name for each in capabilities.models}
    return vm.cpu.fallback == "forbid" and vm.cpu.model not in known


def test_definitions_on_hypervisors():
    """All but 9 models that QEMU lacks: comparing takes them, no start does."""
    compared, wrong, refused = 0, [], 0
    for name, file, answer in judged_hypervisors():
        vm = definition(answer["guest"], file)
        vm.cpu.ClearField("check")
        found = findings(vm, hypervisor(file))
        if answer["result"] in FITS and unknown_to_qemu(vm, hypervisor(file)):
            refused += 1
            assert found[2].answer == Answer.ANSWER_NO
            found = found[:2]
        compared += 1
        difference = disagreement(answer["result"], found)
        if difference:
            wrong.append(f"{name} {answer['guest']}: {difference}")
    assert_agreement("hypervisor, definitions, as facts", wrong, compared, 400)
    assert refused < 10


def running(vm: Vm) -> Vm:
    """The same CPU as libvirt writes it for a running guest: every feature named, check='full'."""
    guest = Vm()
    guest.CopyFrom(vm)
    guest.state = VM_STATE_RUNNING
    guest.cpu.check, guest.cpu.match = "full", "exact"
    for feature in guest.cpu.features:
        if feature.policy == "forbid":
            feature.policy = "disable"
    return guest


def test_host_models_between_hypervisors():
    """A guest with one host's best CPU finds the same features elsewhere, or the facts say NO."""
    files = sorted({file for _, file, _ in judged_hypervisors()})
    compared, wrong = 0, []
    for before, after in product(files, files):
        source, destination = hypervisor(before), hypervisor(after)
        model = source.hypervisor.connections[0].domain_capabilities[0].host_model
        features = "".join(f"<feature name='{each}'/>" for each in model.features)
        cpu_xml = (
            f"<cpu mode='custom'><model fallback='forbid'>{model.model}</model>"
            f"<vendor>{model.vendor}</vendor>{features}"
            + "".join(
                f"<feature policy='disable' name='{each}'/>" for each in model.disabled_features
            )
            + "</cpu>"
        )
        vm = running(described_vm(cpu_xml, domain_type="kvm"))
        there = destination_host_model(case_of(vm, destination))
        assert there is not None
        fits = model.vendor == there.vendor and set(model.features) <= set(there.features)
        found = findings(vm, destination, source)
        compared += 1
        difference = disagreement("SUPERSET" if fits else "INCOMPATIBLE", found)
        if difference:
            wrong.append(f"{before} to {after}: {difference}")
    assert_agreement("host models, as facts", wrong, compared, 600)


@cache
def processor(path: str) -> Snapshot:
    """A host of which the processor alone is known."""
    features, vendor = host(path)
    snapshot = Snapshot()
    snapshot.cpu.architecture, snapshot.cpu.vendor = "x86_64", vendor
    snapshot.cpu.features.extend(names(features))
    return snapshot


def test_processors_alone():
    """Without the hypervisor's word the facts say PROBABLY, and mean the same as libvirt.

    What KVM gives to every guest counts as there. Definitions of mode host-model name no features
    before somebody starts them; those that are errors to libvirt are a test of their own.
    """
    recorded = answers("cpu_pairs")
    compared, wrong = 0, []
    for pair in recorded["pairs"]:
        if pair["result"] == "ERROR":
            continue
        vm = definition(recorded["guests"][pair["guest"]]["file"], "")
        vm.cpu.ClearField("check")
        if vm.cpu.mode == "host-model":
            continue
        compared += 1
        missing = features_of(pair.get("missing", ()))
        result = "SUPERSET" if missing and missing <= KVM_ALWAYS else pair["result"]
        destination = processor(recorded["hosts"][pair["host"]])
        # Every agent reads the vendor; libvirt has no name for some.
        found = findings(vm, destination)[: 2 if destination.cpu.vendor else 1]
        difference = disagreement(result, found)
        if difference:
            wrong.append(f"{pair['host']} {pair['guest']} {missing}: {difference}")
    assert_agreement("processors, as facts", wrong, compared, 4800)


def test_a_hosts_processor_on_another_host():
    recorded = answers("cpu_pairs")
    compared, wrong = 0, []
    for pair in recorded["host_pairs"]:
        source = recorded["hosts"][pair["cpu_of_host"]]
        vm = definition(source, "")
        vm.cpu.ClearField("check")
        compared += 1
        missing = features_of(pair.get("missing", ()))
        result = "SUPERSET" if missing and missing <= KVM_ALWAYS else pair["result"]
        destination = processor(recorded["hosts"][pair["host"]])
        found = findings(vm, destination, processor(source))
        vendors_known = destination.cpu.vendor and processor(source).cpu.vendor
        difference = disagreement(result, found[: 2 if vendors_known else 1])
        if difference:
            wrong.append(f"{pair['host']} {pair['cpu_of_host']} {missing}: {difference}")
    assert_agreement("host_pairs, as facts", wrong, compared, 400)


def test_definitions_that_libvirt_takes_for_errors():
    """An unknown feature is a NO, whatever its policy; an unknown model is, once models are listed.

    Without domain capabilities nothing tells that a model is unknown: NO_IDEA, never a yes.
    """
    recorded = answers("cpu_pairs")
    compared = 0
    for pair in recorded["pairs"]:
        if pair["result"] != "ERROR":
            continue
        vm = definition(recorded["guests"][pair["guest"]]["file"], "")
        worst = min(
            each.answer for each in findings(vm, processor(recorded["hosts"][pair["host"]]))
        )
        feature = "feature" in pair["error"]
        assert worst == (Answer.ANSWER_NO if feature else Answer.ANSWER_NO_IDEA), pair
        listed = hypervisor("oracle/hypervisor/lv-Atom-P5362.domcapabilities.xml")
        assert min(each.answer for each in findings(vm, listed)) == Answer.ANSWER_NO
        compared += 1
    assert_agreement("definitions that are errors", (), compared, 60)


def test_power():
    """On POWER libvirt compares the processor's model."""
    compared, wrong = 0, []
    for pair in answers("cpu_pairs")["ppc64_pairs"]:
        if not (CORPUS / pair["host"]).exists():
            continue
        cpu_xml = read_cpu(pair["host"])
        snapshot = Snapshot()
        snapshot.cpu.architecture = "ppc64"
        connection = snapshot.hypervisor.connections.add(uri="qemu:///system", driver="QEMU")
        connection.host_cpu.model = cpu_xml.findtext("model", "")
        connection.host_cpu.vendor = cpu_xml.findtext("vendor", "")
        vm = described_vm(pair["guest_xml"])
        vm.architecture = "ppc64"
        compared += 1
        difference = disagreement(pair["result"], findings(vm, snapshot)[:1])
        if difference:
            wrong.append(f"{pair}: {difference}")
    assert_agreement("ppc64_pairs, as facts", wrong, compared, 5)
