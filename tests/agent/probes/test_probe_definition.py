"""What libvirt makes of a definition: which libvirt is asked, and what it is given."""

from types import SimpleNamespace
from xml.etree.ElementTree import fromstring

import pytest

from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import Probe, ReadDefinition
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.probes.read_definition import read_definition
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.probes.validation import first_complaint
from vmfit_agent.virtualization.libvirt_connection import LiveConnection

LISTED = (
    "<capabilities><guest><os_type>hvm</os_type><arch name='x86_64'>"
    "<emulator>/usr/bin/qemu</emulator></arch></guest></capabilities>"
)
GUEST = (
    "<domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><name>web</name>"
    "<os><type arch='x86_64' machine='pc'>hvm</type><loader>/boot/evil</loader></os>"
    "<features><ps2 state='off'/></features><seclabel type='none'/>"
    "<q:commandline><q:arg value='-x'/></q:commandline><devices><panic model='pvpanic'/>"
    "<emulator>{emulator}</emulator><hostdev type='pci'/><vsock model='virtio'/>"
    "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"
    "<tpm model='tpm-crb'><backend type='emulator'/></tpm><interface type='direct'/>"
    "<interface type='vhostuser'/><interface type='bridge'/>"
    "<disk type='file'><target dev='vda' bus='virtio'/></disk></devices></domain>"
)


class Libvirt:
    """One connection for each driver, and what was read."""

    def __init__(self, *drivers, refusal=""):
        self.uris = dict(enumerate(drivers))
        self.answer, self.read = refusal, []

    def connect(self, uri):
        if self.uris[uri] == "none":
            raise LibvirtUnavailable("qemu:///system: no socket")
        return SimpleNamespace(
            driver=lambda: self.uris[uri], capabilities=lambda: LISTED, refusal=self._refusal
        )

    def _refusal(self, xml):
        self.read.append(xml)
        return self.answer


def asked(libvirt, xml=GUEST.format(emulator="/usr/bin/qemu")):  # noqa: B008 -- a text
    return read_definition(ReadDefinition(xml=xml), terms(1.5, Host(libvirt=libvirt)))


def test_the_first_libvirt_of_qemu_reads_it():
    libvirt = Libvirt("none", "Xen", "QEMU")
    assert asked(libvirt).understood
    (read,) = libvirt.read
    for absent in ("hostdev", "vsock", "/dev/tpm0", "vhostuser", "direct", "interface"):
        assert absent not in read
    for absent in ("tpm", "disk", "loader", "/boot/evil", "commandline", "seclabel"):
        assert absent not in read
    for present in ("pvpanic", "ps2", 'machine="pc"'):
        assert present in read


LISTED_ONE = "<emulator>/usr/bin/qemu</emulator>"
EVIL = "/srv/share/evil"
DAEMON = f"<driver type='virtiofs'/><binary path='{EVIL}'/><source dir='/srv'/><target dir='x'/>"
FOREIGN_TYPE = "xmlns:a='urn:a' a:type='vdpa' type='bridge'"


@pytest.mark.parametrize(
    "devices",
    [
        f"<emulator><x>{EVIL}</x></emulator>",
        f"<emulator>/usr/bin/qemu<x>{EVIL}</x></emulator>",
        f"<emulator/><emulator>{EVIL}</emulator>",
        f"{LISTED_ONE}<emulator>{EVIL}</emulator>",
        f"{LISTED_ONE}</devices><devices><emulator>{EVIL}</emulator>",
        f"<a:emulator xmlns:a='urn:a'>{EVIL}</a:emulator>{LISTED_ONE}",
        f"{LISTED_ONE}<filesystem type='mount'>{DAEMON}</filesystem>",
        f"{LISTED_ONE}</devices><devices><hostdev><evil/></hostdev>",
        f"{LISTED_ONE}<interface {FOREIGN_TYPE}><source dev='/dev/evil'/></interface>",
        f"{LISTED_ONE}<interface type='ethernet'><script path='{EVIL}'/></interface>",
        f"{LISTED_ONE}<disk type='vhostvdpa'><source dev='/dev/evil'/></disk>",
        f"{LISTED_ONE}<interface type='vdpa'><source dev='/dev/evil'/></interface>",
        f"{LISTED_ONE}<serial type='file'><source path='{EVIL}'/></serial>",
        f"{LISTED_ONE}<serial type='pty'><log file='{EVIL}'/></serial>",
        f"{LISTED_ONE}<disk type='file'><source file='{EVIL}'/></disk>",
        f"{LISTED_ONE}<video><driver name='vhostuser'/><model type='virtio'/></video>",
    ],
)
def test_libvirt_starts_and_opens_nothing_that_was_not_looked_at(devices):
    libvirt = Libvirt("QEMU")
    os = "<os><type arch='x86_64'>hvm</type></os>"
    asked(libvirt, f"<domain><name>x</name>{os}<devices>{devices}</devices></domain>")
    (read,) = libvirt.read
    found = fromstring(read)
    # As libvirt reads it: the texts of what is below belong to it.
    emulators = ["".join(each.itertext()) for each in found.iterfind("devices/emulator")]
    assert set(emulators) <= {"/usr/bin/qemu"}
    assert len(emulators) == ("/usr/bin/qemu" in devices)
    assert EVIL not in read
    assert "/dev/evil" not in read
    assert "<evil" not in read
    # It takes the first attribute of a name, whatever its namespace.
    kinds = [[name.rpartition("}")[2] for name in each.attrib] for each in found.iter()]
    assert all(len(set(names)) == len(names) for names in kinds)
    assert "vdpa" not in read
    assert "vhostuser" not in read


def test_its_words_are_the_reason():
    found = asked(Libvirt("QEMU", refusal="unexpected feature 'ps2'"))
    assert (found.understood, found.reason) == (False, "unexpected feature 'ps2'")


@pytest.mark.parametrize(
    ("libvirt", "xml", "words"),
    [
        (Libvirt("none"), GUEST.format(emulator="/usr/bin/qemu"), "no socket"),
        (Libvirt("Xen"), GUEST.format(emulator=""), "drives QEMU"),
        (Libvirt("QEMU"), GUEST.format(emulator="/tmp/evil"), "none of the emulators"),
        (Libvirt("QEMU"), "<domain", "not well-formed"),
    ],
)
def test_nobody_reads_it(libvirt, xml, words):
    with pytest.raises(Unanswerable, match=words):
        asked(libvirt, xml)
    assert libvirt.read == []


@pytest.mark.parametrize("xml", ["", "x" * (1024 * 1024 + 1)])
def test_its_size_is_bounded(xml):
    question = Probe(read_definition=ReadDefinition(xml=xml))
    complaint = first_complaint([question])
    assert complaint is not None
    assert complaint[0] == "probes[0].read_definition.xml"


class LibvirtError(Exception):
    def __init__(self, code):
        super().__init__(f"error {code}")
        self.get_error_code = lambda: code


@pytest.mark.parametrize(("code", "is_about_words"), [(27, True), (67, True), (1, False)])
def test_only_what_is_about_words_is_a_refusal(code, is_about_words):
    def read(*_):
        raise LibvirtError(code)

    library = SimpleNamespace(libvirtError=LibvirtError)
    native = SimpleNamespace(domainXMLToNative=read)
    connection = LiveConnection(library, native, "qemu:///system", read_only=False)
    if is_about_words:
        assert connection.refusal("<domain/>") == f"error {code}"
    else:
        with pytest.raises(LibvirtUnavailable, match="error 1"):
            connection.refusal("<domain/>")


def test_a_connection_that_only_reads():
    connection = LiveConnection(SimpleNamespace(), None, "qemu:///system", read_only=True)
    with pytest.raises(LibvirtUnavailable, match="only read"):
        connection.refusal("<domain/>")
