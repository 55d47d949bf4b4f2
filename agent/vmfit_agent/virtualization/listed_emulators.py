"""What libvirt is asked about CPUs of definitions that anybody may have written."""

from functools import lru_cache
from typing import Protocol

from vmfit_agent.host import LibvirtConnection, LibvirtUnavailable
from vmfit_agent.xml_document import child_text, parse_document

_MAXIMUM_BYTES = 16 << 20
_SHOWN_CHARACTERS = 200


class CpuKnowledge(Protocol):
    """The part of a LibvirtConnection that knows CPUs."""

    def domain_capabilities(
        self, emulator: str | None, architecture: str, machine: str | None, domain_type: str
    ) -> str:
        """Return the domain capabilities XML; libvirt may start the emulator for this."""

    def expand_cpu(self, cpu_xml: str) -> str:
        """Return `cpu_xml` with its model expanded to every feature; nothing is started."""

    def expand_hypervisor_cpu(
        self, emulator: str, architecture: str, machine: str, domain_type: str, cpu_xml: str
    ) -> str:
        """Return the CPU that the hypervisor gives; libvirt may start the emulator for this."""


class ListedEmulators:
    """Asks a connection for nothing that names a program which libvirt does not list itself.

    libvirt starts, as the user of its guests, whatever program it is asked about: it leaves it to
    those who may change the host to ask (CVE-2019-10167). A definition sent over the network is
    nobody of them.
    """

    def __init__(self, connection: LibvirtConnection) -> None:
        self._connection = connection

    def domain_capabilities(
        self, emulator: str | None, architecture: str, machine: str | None, domain_type: str
    ) -> str:
        """Return the XML; raises LibvirtUnavailable for an emulator that is not listed."""
        self._require(emulator, architecture)
        return self._connection.domain_capabilities(emulator, architecture, machine, domain_type)

    def expand_cpu(self, cpu_xml: str) -> str:
        """Return `cpu_xml` expanded: libvirt's own tables know the model, no emulator does."""
        return self._connection.expand_cpu(cpu_xml)

    def expand_hypervisor_cpu(
        self, emulator: str, architecture: str, machine: str, domain_type: str, cpu_xml: str
    ) -> str:
        """Return the CPU; raises LibvirtUnavailable for an emulator that is not listed."""
        self._require(emulator, architecture)
        return self._connection.expand_hypervisor_cpu(
            emulator, architecture, machine, domain_type, cpu_xml
        )

    def refusal(self, emulator: str | None, architecture: str, xml: str) -> str:
        """Return libvirt's words when it does not understand domain XML; raises as above."""
        self._require(emulator, architecture)
        return self._connection.refusal(xml)

    def _require(self, emulator: str | None, architecture: str) -> None:
        if not emulator:
            return  # libvirt chooses among those that it lists.
        try:
            listed = listed_emulators(self._connection.capabilities(), architecture)
        except ValueError as error:
            raise LibvirtUnavailable(f"libvirt's answer: {error}") from error
        if emulator in listed:
            return
        raise LibvirtUnavailable(
            f"{emulator[:_SHOWN_CHARACTERS]!r} is none of the emulators that libvirt lists for "
            f"{architecture[:_SHOWN_CHARACTERS]!r}: it is not asked about"
        )


def listed_emulators(capabilities_xml: str, architecture: str) -> frozenset[str]:
    """Return the paths of the emulators that libvirt found for an architecture.

    Raises MalformedXml. Source: libvirt formatcaps, guest/arch.
    """
    return frozenset(
        path for listed, path in _emulators(capabilities_xml) if listed == architecture
    )


@lru_cache(maxsize=2)
def _emulators(capabilities_xml: str) -> frozenset[tuple[str, str]]:
    root = parse_document(capabilities_xml, "capabilities", _MAXIMUM_BYTES)
    return frozenset(
        (arch.get("name") or "", path)
        for arch in root.iterfind("guest/arch")
        # A domain type may have an emulator of its own.
        for holder in (arch, *arch.iterfind("domain"))
        if (path := child_text(holder, "emulator"))
    )
