"""What collectors read: files under a root, and libvirt.

A live host is `Host(Path("/"), libvirt)`; a recorded host is a directory of the same shape, so
that every collector runs on it unchanged.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from vmfit_agent.redaction.free_text import scrub


class LibvirtUnavailable(Exception):  # noqa: N818 -- a state of the host, not a mistake
    """libvirt could not be asked; the message says which URI and why."""


class DomainRecord(NamedTuple):
    """One domain as libvirt reports it."""

    uri: str
    xml: str
    """The live XML of an active domain, with the CPU as it was started; else the definition."""
    state: int
    """virDomainState."""
    state_reason: str = ""
    """libvirt's word: "booted", "migration", "ioerror"."""
    persistent: bool | None = None
    inactive_xml: str | None = None
    """The persistent definition of an active domain; None for transient and inactive ones."""
    active_job: str | None = None
    block_jobs: tuple[tuple[str, str], ...] = ()
    """Disk target and kind of job."""
    jobs_known: bool = False
    snapshot_count: int | None = None
    checkpoint_count: int | None = None
    resident_bytes: int | None = None
    dirty_rate_bytes_per_second: int | None = None
    dirty_rate_period_seconds: int | None = None
    migration_limit_bytes_per_second: int | None = None


class DirtyRate(NamedTuple):
    """How fast a domain wrote to its memory, and what its migration may do."""

    bytes_per_second: int
    period_seconds: int
    maximum_downtime_seconds: float | None


class LibvirtConnection(Protocol):
    """One libvirt URI. Every method raises LibvirtUnavailable when libvirt does not answer it."""

    uri: str
    read_only: bool
    """libvirt refused more: no domain capabilities, no migratable XML."""

    def driver(self) -> str:
        """Return the driver's name: "QEMU", "Xen", "TEST"."""

    def libvirt_version(self) -> int | None:
        """Return major * 1,000,000 + minor * 1,000 + release."""

    def hypervisor_version(self) -> int | None:
        """Return the same for the hypervisor; None when the driver has none."""

    def hostname(self) -> str:
        """Return the host's name as libvirt would tell it to a peer."""

    def capabilities(self) -> str:
        """Return the capabilities XML."""

    def domain_capabilities(
        self, emulator: str | None, architecture: str, machine: str | None, domain_type: str
    ) -> str:
        """Return the domain capabilities XML."""

    def expand_cpu(self, cpu_xml: str) -> str:
        """Return `cpu_xml` with its model expanded to every feature."""

    def expand_hypervisor_cpu(
        self, emulator: str, architecture: str, machine: str, domain_type: str, cpu_xml: str
    ) -> str:
        """Return the CPU that the hypervisor gives for `cpu_xml`, with every feature."""

    def domains(self) -> Sequence[DomainRecord]:
        """Return all domains, active and inactive."""

    def domain(self, name_or_uuid: str) -> DomainRecord | None:
        """Return one domain, None when there is none of that name or UUID."""

    def migratable_xml(self, uuid: str) -> str:
        """Return the XML that a migration would send: with its secrets."""

    def refusal(self, xml: str) -> str:
        """Return libvirt's words when it does not understand domain XML; empty when it does."""

    def dirty_rate(self, uuid: str, period_seconds: int, seconds: float) -> DirtyRate | None:
        """Have a running domain measured within the seconds; None when there is no such domain."""

    def objects(self, kind: str) -> Sequence["ObjectRecord"]:
        """Return all "storage_pools", "networks", "secrets" or "network_filters"."""


class ObjectRecord(NamedTuple):
    """A storage pool, network, secret or network filter."""

    xml: str
    active: bool = False
    autostart: bool = False
    persistent: bool = True
    volume_xmls: tuple[str, ...] = ()
    error: str = ""
    """Why the volumes could not be listed."""
    value_set: bool | None = None
    """A secret has a value; None when that may not be asked."""


class Libvirt(Protocol):
    """All configured libvirt URIs."""

    @property
    def uris(self) -> Sequence[str]:
        """The configured URIs."""

    def connect(self, uri: str) -> LibvirtConnection:
        """Return the open connection, opened again if it broke; else LibvirtUnavailable."""


class NoLibvirt(NamedTuple):
    """A host that has no libvirt, or where nobody wants it asked."""

    uris: Sequence[str] = ()
    reason: str = "no libvirt URI is configured"

    def connect(self, uri: str) -> LibvirtConnection:
        """Raise LibvirtUnavailable."""
        raise LibvirtUnavailable(f"{uri}: {self.reason}")


NO_LIBVIRT = NoLibvirt()


class GuestsPlaces(NamedTuple):
    """Where the files of a host's own guests are, as libvirt has them. Paths are absolute."""

    paths: frozenset[str] = frozenset()
    """Of the domains' disks, firmware and other files."""
    image_directories: frozenset[str] = frozenset()
    """The directories that hold those files."""
    pools: frozenset[str] = frozenset()
    """The directories of storage pools."""


class Host:
    """Where one collector reads."""

    def __init__(
        self,
        root: Path = Path("/"),
        libvirt: Libvirt = NO_LIBVIRT,
        attributes_directory: Path = Path("etc/vmfit/attributes.d"),
        content_directories: Sequence[str] = (),
    ) -> None:
        """The directory with the operators' attributes is below the root.

        See `tell_of` for `content_directories`.
        """
        self.root = root
        self.libvirt = libvirt
        self.attributes_directory = attributes_directory
        self.content_directories: Sequence[str] = ()
        self.tell_of(content_directories)
        self.guests_places: Callable[[], GuestsPlaces] = GuestsPlaces
        """Asks, at most every few seconds; set by who collects."""
        self.warnings: list[str] = []

    @property
    def is_live(self) -> bool:
        """The root is the running system: system calls and devices may be asked beside files."""
        return self.root == Path("/")

    def for_one_run(self) -> "Host":
        """Return the same host with warnings of its own: those of one collector's run."""
        same = Host(self.root, self.libvirt, self.attributes_directory, self.content_directories)
        same.guests_places = self.guests_places
        return same

    def tell_of(self, content_directories: Sequence[str]) -> None:
        """Set below which directories files are that clients may ask about.

        None is the default, by which all but the system's own files may be.
        """
        # The root is the empty text.
        self.content_directories = tuple(each.rstrip("/") for each in content_directories)

    def warn(self, text: str) -> None:
        """Note what could not be read although the part is collected."""
        told = scrub(text)
        if told not in self.warnings:
            self.warnings.append(told)
