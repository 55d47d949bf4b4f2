"""What libvirt says of a host and of hypervisors."""

from contextlib import suppress

from tests.fuzz.seeds import CORPUS, TESTS, files
from vmfit_agent.virtualization.capabilities_xml import (
    host_architecture,
    parse_capabilities,
    parse_domain_capabilities,
)
from vmfit_agent.xml_document import MalformedXml


def seeds():
    yield b"<capabilities/>"
    yield b"<domainCapabilities/>"
    yield from files("**/*cap*.xml", directories=(TESTS, CORPUS / "hosts"))


def read(data):
    text = data.decode("utf-8", "surrogateescape")
    for parse in (parse_capabilities, host_architecture, parse_domain_capabilities):
        with suppress(MalformedXml):
            parse(text)
