"""What a definition sent by anybody makes libvirt do: start no program but its own emulators."""

import inspect

import pytest

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit_agent.describe import describe_vm
from vmfit_agent.host import DomainRecord, Host, LibvirtConnection, LibvirtUnavailable
from vmfit_agent.virtualization.listed_emulators import ListedEmulators, listed_emulators
from vmfit_contract.access import LOCAL

QEMU, KVM, XEN = "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-kvm", "/usr/lib/xen/bin/qemu"
MAINFRAME = "/usr/bin/qemu-system-s390x"
CAPABILITIES = f"""<capabilities><host><cpu><arch>x86_64</arch></cpu></host>
<guest><os_type>hvm</os_type><arch name='x86_64'><emulator>{QEMU}</emulator>
<domain type='qemu'/><domain type='kvm'><emulator>{KVM}</emulator></domain></arch></guest>
<guest><os_type>hvm</os_type><arch name='s390x'><emulator>{MAINFRAME}</emulator></arch></guest>
<guest><os_type>xen</os_type><arch name='x86_64'><emulator>{XEN}</emulator></arch></guest>
</capabilities>"""
READS_ONLY = {
    "capabilities", "domain", "domains", "driver", "expand_cpu", "hostname",
    "hypervisor_version", "libvirt_version", "migratable_xml", "objects",
}  # fmt: skip
STARTS_A_PROGRAM = {"domain_capabilities", "expand_hypervisor_cpu", "refusal"}
MEASURES = {"dirty_rate"}


class RecordingConnection:
    """A libvirt that notes which programs it would start."""

    uri = "qemu:///system"
    read_only = False

    def __init__(self, definition: str = "", capabilities: str = CAPABILITIES) -> None:
        self.started: list[str | None] = []
        self._definition = definition
        self._capabilities = capabilities

    def connect(self, uri):
        return self

    @property
    def uris(self):
        return (self.uri,)

    def capabilities(self):
        return self._capabilities

    def domain(self, name):
        return DomainRecord(self.uri, self._definition, 5)

    def migratable_xml(self, uuid):
        return self._definition

    def expand_cpu(self, xml):
        if "<arch>s390x</arch>" in xml:
            raise LibvirtUnavailable("no models of s390x")
        return "<cpu><model>m</model><feature policy='require' name='a'/></cpu>"

    def expand_hypervisor_cpu(self, emulator, *_):
        self.started.append(emulator)
        return "<cpu><model>m</model><feature policy='require' name='vx'/></cpu>"

    def domain_capabilities(self, emulator, *_):
        self.started.append(emulator)
        return (
            "<domainCapabilities><cpu><mode name='host-model' supported='yes'><model>m</model>"
            "</mode></cpu></domainCapabilities>"
        )


def definition(emulator, cpu="<cpu mode='host-model'/>", architecture="x86_64"):
    named = f"<emulator>{emulator}</emulator>" if emulator else ""
    return (
        "<domain type='kvm'><name>g</name><uuid>11111111-2222-4333-8444-555555555555</uuid>"
        f"<os><type arch='{architecture}' machine='pc'>hvm</type></os>{cpu}"
        f"<devices>{named}</devices></domain>"
    )


def describe(xml, connection):
    return describe_vm(DescribeVmRequest(xml=xml), Host(libvirt=connection), LOCAL).vm.cpu


@pytest.mark.parametrize(
    "cpu",
    [
        "<cpu mode='host-model'/>",
        "<cpu mode='host-passthrough'/>",
        "<cpu mode='maximum'/>",
        "<cpu><model>m</model><feature policy='optional' name='b'/></cpu>",
    ],
)
@pytest.mark.parametrize(
    "emulator",
    ["/srv/share/not-qemu", f"{QEMU} ", f"/usr/bin/../bin/{QEMU[9:]}", MAINFRAME, "qemu"],
)
def test_an_emulator_of_the_callers_choice_is_never_asked_about(emulator, cpu):
    connection = RecordingConnection()
    found = describe(definition(emulator, cpu), connection)
    assert connection.started == ([] if emulator.strip() != QEMU else [QEMU])
    if "host" in cpu and not connection.started:
        assert not found.expanded
        assert found.expansion_error == (
            f"'{emulator}' is none of the emulators that libvirt lists for 'x86_64': it is not "
            "asked about"
        )


def test_the_emulator_of_another_architecture_knows_no_model_either():
    connection = RecordingConnection()
    model = "<cpu><model>z15</model></cpu>"
    found = describe(definition("/srv/share/not-qemu", model, "s390x"), connection)
    assert connection.started == []
    assert not found.expanded
    assert "none of the emulators that libvirt lists for 's390x'" in found.expansion_error
    assert describe(definition(MAINFRAME, model, "s390x"), connection).expanded
    assert connection.started == [MAINFRAME]


@pytest.mark.parametrize("emulator", [QEMU, KVM, XEN, ""])
def test_listed_emulators_are_asked_as_ever(emulator):
    connection = RecordingConnection()
    found = describe(definition(emulator), connection)
    assert (list(found.expanded_features), found.expanded) == (["a"], True)
    assert connection.started == [emulator or None]


def test_a_model_needs_no_emulator():
    connection = RecordingConnection()
    found = describe(definition("/srv/share/not-qemu", "<cpu><model>m</model></cpu>"), connection)
    assert (list(found.expanded_features), connection.started) == (["a"], [])


def test_the_emulator_of_a_domain_that_libvirt_has_is_libvirts_own_word():
    connection = RecordingConnection(definition("/opt/qemu/bin/qemu-system-x86_64"))
    found = describe_vm(DescribeVmRequest(name="g"), Host(libvirt=connection), LOCAL).vm
    assert found.cpu.expanded
    assert connection.started == ["/opt/qemu/bin/qemu-system-x86_64"]


@pytest.mark.parametrize("capabilities", ["<capabilities/>", "<other/>", "", "<capabilities>"])
def test_capabilities_that_list_nothing_allow_nothing(capabilities):
    connection = RecordingConnection(capabilities=capabilities)
    assert not describe(definition(QEMU), connection).expanded
    assert connection.started == []


def test_a_long_name_is_cut_in_the_answer():
    found = describe(definition("/" + "x" * 8000), RecordingConnection())
    assert len(found.expansion_error) < 500


def test_what_capabilities_list():
    assert listed_emulators(CAPABILITIES, "x86_64") == {QEMU, KVM, XEN}
    assert listed_emulators(CAPABILITIES, "s390x") == {MAINFRAME}
    assert listed_emulators(CAPABILITIES, "riscv64") == frozenset()


def test_every_question_that_libvirt_is_asked_is_of_a_known_kind():
    """A new question must be judged: one that starts a program has to be guarded."""
    questions = {name for name, _ in inspect.getmembers(LibvirtConnection, inspect.isfunction)} - {
        "__init__",
        "__subclasshook__",
    }
    questions = {name for name in questions if not name.startswith("_")}
    assert questions == READS_ONLY | STARTS_A_PROGRAM | MEASURES
    guarded = set(vars(ListedEmulators)) & questions
    assert guarded - {"expand_cpu"} == STARTS_A_PROGRAM
