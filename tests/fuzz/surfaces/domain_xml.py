"""Domain XML of any client: parsed, and without its secrets."""

from contextlib import suppress

from tests.fuzz.seeds import CORPUS, TESTS, files
from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.redaction.libvirt_xml import redact_xml
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_agent.xml_document import MalformedXml


def seeds():
    yield b"<domain/>"
    yield from files("**/domains/**/*.xml", directories=(TESTS, CORPUS))


def read(data):
    text = data.decode("utf-8", "surrogateescape")
    with suppress(UnusableDefinition):
        parse_vm(text)
    with suppress(MalformedXml):
        redact_xml(text, "domain")
