"""Public failures as inputs, each with the answer that turned out right, where they are at hand."""

import shlex
from contextlib import closing

import pytest

from tests.comparator.cpu_corpus import CORPUS
from vmfit.v1.comparator_service_pb2 import PolicyReference
from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.vm_pb2 import Vm
from vmfit_agent.domain_xml import parse_vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.hosts.vms import without_host_paths
from vmfit_comparator.policies.policy_library import PolicyLibrary
from vmfit_comparator.policies.verdict import judge
from vmfit_comparator.virsh_options import parse_virsh_migrate
from vmfit_contract.snapshot_file import read_message, read_snapshot

REPORTS = CORPUS.parent / "reports"
FOLDERS = sorted(path.parent for path in REPORTS.glob("*/cmd.txt"))
BYTES = 16 << 20
# No snapshot shows that a guest mounted its share, nor the ROM that an old machine type gets.
NOT_SEEN = {"share-9p-mounted", "rom-size-ubuntu-compat"}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDERS, reason="the reports are not at hand"),
]


def _vm(folder):
    vm = read_message(folder / "vm.json", Vm, BYTES)
    xml = folder / "vm.xml"
    if xml.exists():  # What earlier agents did not read of it.
        read = parse_vm(xml.read_text())
        if read.HasField("tuning"):
            vm.tuning.CopyFrom(read.tuning)
    return vm


def _case(folder, policy):
    words = shlex.split((folder / "cmd.txt").read_text().partition(" -- ")[2])
    vm = _vm(folder)
    incoming, probes = without_host_paths(vm), ProbeAnswers()
    if (folder / "incoming.json").exists():
        incoming = read_message(folder / "incoming.json", Vm, BYTES)
    if (folder / "probes.json").exists():
        probes = read_message(folder / "probes.json", ProbeAnswers, BYTES)
    return Case(
        source=read_snapshot(folder / "source.json"),
        destination=read_snapshot(folder / "destination.json"),
        vm=vm,
        incoming=incoming,
        options=parse_virsh_migrate(words, lambda path: path).options,
        policy=policy.message,
        probes=probes,
    )


def _expected(folder):
    lines = (folder / "expected.txt").read_text().partition("---\n")[2].splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_answer_is_what_happened(folder):
    with closing(PolicyLibrary((), BUILT_IN)) as library:
        policy = library.resolve(PolicyReference())
        findings = evaluate(list(policy.facts.values()), _case(folder, policy))
        verdict = judge(findings, policy)
    expected = _expected(folder)
    if folder.name in NOT_SEEN:
        assert Answer.ANSWER_NO < verdict.answer < Answer.ANSWER_YES, verdict.summary
        return
    assert verdict.acceptable == (expected["outcome"] == "migrated"), verdict.summary
    cause = expected["cause (fact)"]
    if cause in BUILT_IN:
        (found,) = [each for each in findings if each.fact == cause]
        assert found.answer <= Answer.ANSWER_PROBABLY_NO, found.reason
