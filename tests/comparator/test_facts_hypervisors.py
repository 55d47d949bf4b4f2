"""Hypervisors other than QEMU: what makes no sense for them is not asked."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.cpu_corpus import CORPUS
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Answer
from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.virtualization.capabilities_xml import parse_domain_capabilities
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN

CONNECTION = "source.hypervisor.connections[0]"


def driver(name, domain_type):
    return {f"{CONNECTION}.driver": name, "vm.domain_type": domain_type}


LIVE = [
    ("QEMU", {}, "YES"),
    ("Xen", driver("Xen", "xen"), "YES"),
    ("bhyve", driver("BHYVE", "bhyve"), "NO"),
    ("Cloud Hypervisor", {**driver("CH", "kvm"), "vm.connection_uri": "ch:///system"}, "NO"),
    ("containers", driver("LXC", "lxc"), "PROBABLY_NO"),
    (
        "another that tells",
        {**driver("VZ", "vz"), f"{CONNECTION}.driver": "Parallels"},
        "PROBABLY_YES",
    ),
    (
        "another that does not",
        {**driver("Parallels", "vz"), f"{CONNECTION}.live_migration": None},
        "NO_IDEA",
    ),
    ("no connection", driver("QEMU", "xen"), "NO_IDEA"),
    ("not collected", {"source.hypervisor": None}, "NO_IDEA"),
]
TABLES = {"hv.live_migration": LIVE}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def hosts_of(name, uri, domain_type, capabilities):
    """A migration of a small VM between two hosts with these domain capabilities."""
    case = migration()
    told = parse_domain_capabilities((CORPUS / capabilities).read_text())
    for snapshot in (case.source, case.destination):
        (connection,) = snapshot.hypervisor.connections
        connection.uri, connection.driver = uri, name
        del connection.domain_capabilities[1:]
        connection.domain_capabilities[0].CopyFrom(told)
        (guest,) = connection.guest_archs
        del guest.domain_types[:]
        guest.domain_types.append(domain_type)
        guest.machine_types.add(name=told.machine_type)
        guest.emulator_path = told.emulator_path
    xml = (
        f"<domain type='{domain_type}'><name>guest</name><memory unit='MiB'>256</memory><os>"
        f"<type arch='x86_64'>hvm</type></os><devices><disk type='file' device='disk'>"
        "<source file='/srv/shared/guest.qcow2'/><target dev='xvda' bus='xen'/></disk>"
        "</devices></domain>"
    )
    vm = parse_vm(xml)
    vm.connection_uri = uri
    case.vm.CopyFrom(vm)
    case.incoming.CopyFrom(vm)
    return case


XEN = "hosts/lvdomcaps-libxl-xenfv/domcapabilities.xml"
BHYVE = "hosts/lvdomcaps-bhyve_uefi.x86_64/domcapabilities.xml"


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS} (VMFIT_CORPUS)")
@pytest.mark.parametrize(
    ("name", "uri", "domain_type", "capabilities", "refused"),
    [
        ("Xen", "xen:///system", "xen", XEN, set()),
        ("BHYVE", "bhyve:///system", "bhyve", BHYVE, {"hv.live_migration"}),
        ("CH", "ch:///system", "kvm", BHYVE, {"hv.live_migration"}),
    ],
)
def test_facts_of_qemu_are_not_asked(name, uri, domain_type, capabilities, refused):
    case = hosts_of(name, uri, domain_type, capabilities)
    found = evaluate(BUILT_IN.values(), case)
    assert not [each.fact for each in found if each.error]
    no = {each.fact for each in found if each.answer <= Answer.ANSWER_PROBABLY_NO}
    assert no - {"machine.device_models", "hv.type"} == refused
    asked = {each.fact for each in found if each.not_applicable is False}
    assert not asked & {"sw.migration_caps", "storage.block_drivers", "cpu.features"}
