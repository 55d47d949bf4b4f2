"""libvirt's texts as a recording keeps them: without secrets, and masked if asked for."""

from vmfit_agent.recording.masked_xml import mask_xml
from vmfit_agent.redaction.free_text import scrub
from vmfit_agent.redaction.libvirt_xml import redact_xml
from vmfit_agent.xml_document import MalformedXml
from vmfit_contract.masking.masking import Masking


class KeptTexts:
    """Texts for one recording."""

    def __init__(self, masking: Masking | None) -> None:
        """Take what masks, None for texts that are only without secrets."""
        self._masking = masking

    def text(self, text: str) -> str:
        """Return a name or a message."""
        scrubbed = scrub(text)
        return self._masking.text(scrubbed) if self._masking else scrubbed

    def xml(self, xml: str, tag: str) -> str:
        """Return a definition whose root is `tag`; raises MalformedXml."""
        redacted = redact_xml(xml, tag)
        return mask_xml(self._masking, redacted, tag) if self._masking else redacted

    def capabilities(self, xml: str, tag: str) -> str:
        """Return what libvirt says of a host or a hypervisor, which holds no secrets."""
        if self._masking is None:
            return xml
        try:
            return mask_xml(self._masking, xml, tag)
        except MalformedXml:
            return self._masking.text(xml)
