"""libvirt as it answered once: a directory that a recording holds, asked like the live one."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from vmfit_agent.domain_xml.remembered import libvirts_vm
from vmfit_agent.host import (
    DirtyRate,
    DomainRecord,
    LibvirtConnection,
    LibvirtUnavailable,
    ObjectRecord,
)
from vmfit_agent.virtualization.capabilities_xml import parse_domain_capabilities
from vmfit_agent.xml_document import U32_MAXIMUM, U64_MAXIMUM

OBJECT_KINDS: Mapping[str, str] = {
    "storage_pools": "pool",
    "networks": "network",
    "secrets": "secret",
    "network_filters": "filter",
}
"""Of each kind the root element of its XML."""
RECORD_FIELDS: Mapping[str, tuple[type, int | None]] = {
    "state": (int, U32_MAXIMUM),
    "state_reason": (str, None),
    "persistent": (bool, None),
    "active_job": (str, None),
    "jobs_known": (bool, None),
    "snapshot_count": (int, U32_MAXIMUM),
    "checkpoint_count": (int, U32_MAXIMUM),
    "resident_bytes": (int, U64_MAXIMUM),
    "dirty_rate_bytes_per_second": (int, U64_MAXIMUM),
    "dirty_rate_period_seconds": (int, U32_MAXIMUM),
    "migration_limit_bytes_per_second": (int, U64_MAXIMUM),
}
"""What a domain's JSON file holds beside "block_jobs": types, and the greatest numbers."""
_MAXIMUM_FILE_BYTES = 16 * 1024 * 1024


def slug(text: str) -> str:
    """Return a file name for a URI, a domain's or an object's name; never "." or ".."."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in text)
    return name[:80] or "_"


def answer_name(*question: str) -> str:
    """Return the file name of the answer to a question about CPUs."""
    return blake2b(json.dumps(question).encode(), digest_size=12).hexdigest() + ".xml"


class RecordedLibvirt:
    """The connections below ROOT/libvirt, one directory each, in the order of their names."""

    def __init__(self, root: Path) -> None:
        self._directories: dict[str, tuple[Path, dict[str, Any]]] = {}
        for path in sorted((root / "libvirt").glob("*/meta.json")):
            meta = _json(path)
            self._directories[str(meta.get("uri") or path.parent.name)] = (path.parent, meta)

    @property
    def uris(self) -> Sequence[str]:
        """The URIs that were recorded."""
        return tuple(self._directories)

    def connect(self, uri: str) -> LibvirtConnection:
        """Return the recording; LibvirtUnavailable when there is none, or the host had none."""
        if uri not in self._directories:
            raise LibvirtUnavailable(f"{uri}: not in the recording")
        directory, meta = self._directories[uri]
        if meta.get("error"):
            raise LibvirtUnavailable(str(meta["error"]))
        return RecordedConnection(uri, directory, meta)


class RecordedConnection:
    """One recorded connection; see LibvirtConnection. What was not recorded is unavailable."""

    def __init__(self, uri: str, directory: Path, meta: dict[str, Any]) -> None:
        self.uri = uri
        self.read_only = bool(meta.get("read_only"))
        self._directory = directory
        self._meta = meta

    def _text(self, name: str) -> str:
        try:
            return _read(self._directory / name)
        except (OSError, ValueError) as error:
            raise LibvirtUnavailable(f"{self.uri}: not in the recording: {name}") from error

    def driver(self) -> str:
        """Return the driver's name."""
        return str(self._meta.get("driver") or "")

    def libvirt_version(self) -> int | None:
        """Return the recorded version."""
        return _whole(self._meta.get("libvirt_version"))

    def hypervisor_version(self) -> int | None:
        """Return the recorded version; None when the driver has none."""
        return _whole(self._meta.get("hypervisor_version"))

    def hostname(self) -> str:
        """Return the recorded name."""
        return str(self._meta.get("hostname") or "")

    def capabilities(self) -> str:
        """Return the recorded capabilities."""
        return self._text("capabilities.xml")

    def domain_capabilities(
        self, emulator: str | None, architecture: str, machine: str | None, domain_type: str
    ) -> str:
        """Return those of the same emulator, architecture, type and machine.

        Without a machine: those recorded for the default, in the file whose name ends in
        "-default", else the first.
        """
        matching = []
        for path in sorted(self._directory.glob("domcapabilities*.xml")):
            xml = self._text(path.name)
            found = parse_domain_capabilities(xml)
            if (found.architecture, found.domain_type) != (architecture, domain_type):
                continue
            if emulator not in {None, found.emulator_path}:
                continue
            if machine not in {None, found.machine_type}:
                continue
            matching.append(
                (machine is None and not path.stem.endswith("-default"), path.name, xml)
            )
        if not matching:
            wanted = f"{domain_type} {architecture} {machine or 'default machine'}"
            raise LibvirtUnavailable(
                f"{self.uri}: not in the recording: domain capabilities of {wanted}"
            )
        return min(matching)[2]

    def expand_cpu(self, cpu_xml: str) -> str:
        """Return the recorded expansion."""
        return self._text(f"cpus/{answer_name(cpu_xml)}")

    def expand_hypervisor_cpu(
        self, emulator: str, architecture: str, machine: str, domain_type: str, cpu_xml: str
    ) -> str:
        """Return the recorded expansion."""
        return self._text(
            f"cpus/{answer_name(emulator, architecture, machine, domain_type, cpu_xml)}"
        )

    def domains(self) -> Sequence[DomainRecord]:
        """Return the recorded domains in the order of their files' names."""
        paths = sorted((self._directory / "domains").glob("*.json"))
        return [self._domain(path.stem) for path in paths]

    def _domain(self, name: str) -> DomainRecord:
        inactive = self._directory / "domains" / f"{name}.inactive.xml"
        return DomainRecord(
            uri=self.uri,
            xml=self._text(f"domains/{name}.xml"),
            inactive_xml=_read(inactive) if inactive.is_file() else None,
            **{"state": 0, **_known(_json(self._directory / "domains" / f"{name}.json"))},
        )

    def domain(self, name_or_uuid: str) -> DomainRecord | None:
        """Return one domain; the name wins over the UUID."""
        by_uuid = None
        for record in self.domains():
            try:
                vm = libvirts_vm(record.xml)
            except ValueError:
                continue
            if vm.name == name_or_uuid:
                return record
            if vm.uuid == name_or_uuid.lower():
                by_uuid = record
        return by_uuid

    def migratable_xml(self, uuid: str) -> str:
        """Return the recorded XML."""
        for path in sorted((self._directory / "domains").glob("*.migratable.xml")):
            with contextlib.suppress(OSError, ValueError):
                xml = _read(path)
                if libvirts_vm(xml).uuid == uuid.lower():
                    return xml
        raise LibvirtUnavailable(f"{self.uri}: not in the recording: migratable XML of {uuid}")

    def refusal(self, xml: str) -> str:  # noqa: ARG002
        """Raise LibvirtUnavailable: a recording reads nothing."""
        raise LibvirtUnavailable(f"{self.uri}: a recording understands no definitions")

    def dirty_rate(self, uuid: str, period_seconds: int, seconds: float) -> DirtyRate | None:  # noqa: ARG002
        """Raise LibvirtUnavailable: a recording does not run."""
        raise LibvirtUnavailable(f"{self.uri}: a recording writes no memory")

    def objects(self, kind: str) -> Sequence[ObjectRecord]:
        """Return the recorded objects in the order of their files' names."""
        paths = sorted((self._directory / kind).glob("*.json"))
        return [_object(_read(path.with_suffix(".xml")), _json(path)) for path in paths]


def _object(xml: str, known: Mapping[str, Any]) -> ObjectRecord:
    volumes = known.get("volume_xmls")
    value_set = known.get("value_set")
    return ObjectRecord(
        xml=xml,
        active=bool(known.get("active")),
        autostart=bool(known.get("autostart")),
        persistent=bool(known.get("persistent", True)),
        volume_xmls=tuple(str(each) for each in (volumes if isinstance(volumes, list) else ())),
        error=str(known.get("error", "")),
        value_set=value_set if isinstance(value_set, bool) else None,
    )


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MAXIMUM_FILE_BYTES + 1)
    if len(content) > _MAXIMUM_FILE_BYTES:
        raise ValueError(f"{path}: larger than {_MAXIMUM_FILE_BYTES} bytes")
    return content.decode()


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: not a JSON object")  # noqa: TRY004 -- said of the content
    return content


def _known(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a domain's JSON file says; a value that cannot be what its name says is left out.

    A recording may come from anybody.
    """
    known: dict[str, Any] = {}
    for name, (expected, maximum) in RECORD_FIELDS.items():
        value = content.get(name)
        # bool is a kind of int, and no number here.
        fits = not isinstance(value, int) or maximum is None or 0 <= value <= maximum
        if type(value) is expected and fits:
            known[name] = value
    jobs = content.get("block_jobs")
    known["block_jobs"] = tuple(
        (str(job[0]), str(job[1]))
        for job in (jobs if isinstance(jobs, list) else ())
        if isinstance(job, list) and len(job) == 2
    )
    return known


def _whole(value: object) -> int | None:
    # bool is a kind of int, and no number here.
    return value if type(value) is int and 0 <= value <= U64_MAXIMUM else None
