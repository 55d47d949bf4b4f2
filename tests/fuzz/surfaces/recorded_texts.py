"""Files and XML on their way into a recording: without secrets, and masked."""

from contextlib import suppress
from pathlib import PurePath

from tests.fuzz.seeds import CORPUS, HOSTS, TESTS, files
from vmfit_agent.recording.masked_files import mask_file
from vmfit_agent.recording.masked_xml import mask_xml
from vmfit_agent.recording.recorded_text import recorded_text
from vmfit_agent.redaction.free_text import scrub
from vmfit_agent.redaction.libvirt_xml import redact_xml
from vmfit_agent.xml_document import MalformedXml
from vmfit_contract.masking.masking import Masking

_PATHS = [
    PurePath(each)
    for each in (
        "etc/libvirt/qemu.conf", "etc/sasl2/libvirt.conf", "etc/libvirt/hooks/qemu",
        "etc/iscsi/initiatorname.iscsi", "etc/iscsi/nodes/a/b", "proc/cmdline",
        "proc/self/mountinfo", "etc/pki/CA/cacert.pem", "etc/openvswitch/conf.db",
        "etc/vmfit/attributes.d/a.json", "run/udev/data/b8:0", "sys/class/block/sda/device/serial",
        "etc/hosts",
    )
]  # fmt: skip


def _masking():
    masking = Masking(b"k" * 32)
    for value in ("S4EWNX0M123456", "52:54:00:ab:cd:ef", "5000c500a1b2c3d4"):
        masking.learn_identifier(value)
    masking.learn_name("hv07.example-site.org")
    return masking


MASKING = _masking()


def seeds():
    for number, path in enumerate(_PATHS):
        texts = files(f"*/{path}", directories=(HOSTS,))
        for text in (*texts, b"password = x y\nE:ID_SERIAL=S4EWNX0M123456\n"):
            yield bytes((number,)) + text
    for definition in files("**/domains/**/*.xml", directories=(TESTS, CORPUS)):
        yield b"\xff" + definition


def read(data):
    text = data[1:].decode("utf-8", "replace")
    if data[:1] == b"\xff":
        with suppress(MalformedXml):
            mask_xml(MASKING, redact_xml(text, "domain"), "domain")
        return
    path = _PATHS[data[0] % len(_PATHS) if data else 0]
    with suppress(ValueError):
        kept = recorded_text(path, text)
        mask_file(MASKING, path, kept)
    scrub(text)
    MASKING.name(text)
