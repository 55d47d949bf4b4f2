"""Writes what RecordedLibvirt reads: the answers that collectors and descriptions need.

Without secrets, whoever reads them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from vmfit_agent.collectors import domains, hypervisor
from vmfit_agent.domain_xml.remembered import libvirts_vm
from vmfit_agent.host import (
    DomainRecord,
    Host,
    Libvirt,
    LibvirtConnection,
    LibvirtUnavailable,
    ObjectRecord,
)
from vmfit_agent.recording.kept_texts import KeptTexts
from vmfit_agent.recording.recorded_libvirt import OBJECT_KINDS, RECORD_FIELDS, answer_name, slug
from vmfit_agent.xml_document import MalformedXml
from vmfit_contract.masking.masking import Masking


def record_libvirt(libvirt: Libvirt, directory: Path, masking: Masking | None) -> list[str]:
    """Write each connection's answers below `directory`/libvirt; return what is missing and why.

    Secrets in them are blanked; libvirt is never asked for the values of its own. Domain
    capabilities and CPU expansions are those that the collectors ask for. A URI that does not
    answer is recorded as one that does not. Raises OSError when a file cannot be written.
    """
    missing: list[str] = []
    kept = KeptTexts(masking)
    for uri in libvirt.uris:
        folder = directory / "libvirt" / slug(kept.text(uri))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            connection = libvirt.connect(uri)
            hostname = connection.hostname()
            meta = {
                "uri": kept.text(uri),
                "driver": connection.driver(),
                "libvirt_version": connection.libvirt_version(),
                "hypervisor_version": connection.hypervisor_version(),
                "hostname": masking.name(hostname) if masking else hostname,
                "read_only": connection.read_only,
            }
            capabilities = kept.capabilities(connection.capabilities(), "capabilities")
            _write(folder / "capabilities.xml", capabilities)
        except LibvirtUnavailable as error:
            missing.append(str(error))
            meta = {"uri": kept.text(uri), "error": kept.text(str(error))}
        else:
            missing.extend(_record_domains(connection, folder, kept))
            missing.extend(_record_objects(connection, folder, kept))
            missing.extend(_record_answers(connection, folder, kept))
        _write_json(folder / "meta.json", meta)
    return missing


def _record_domains(connection: LibvirtConnection, folder: Path, kept: KeptTexts) -> list[str]:
    missing = []
    try:
        records = connection.domains()
    except LibvirtUnavailable as error:
        return [str(error)]
    for record in records:
        try:
            vm = libvirts_vm(record.xml)
        except ValueError as error:
            missing.append(f"{connection.uri}: {error}")
            continue
        try:
            xml = kept.xml(record.xml, "domain")
            name = folder / "domains" / slug(libvirts_vm(xml).uuid or vm.name)
            _write(name.with_suffix(".xml"), xml)
            _write_json(name.with_suffix(".json"), _without_xml(record))
            if record.inactive_xml is not None:
                _write(name.with_suffix(".inactive.xml"), kept.xml(record.inactive_xml, "domain"))
            migratable = kept.xml(connection.migratable_xml(vm.uuid), "domain")
            _write(name.with_suffix(".migratable.xml"), migratable)
        except (LibvirtUnavailable, MalformedXml) as error:
            missing.append(str(error))
    return missing


def _without_xml(record: DomainRecord) -> dict[str, Any]:
    fields = (*RECORD_FIELDS, "block_jobs")
    return {key: value for key, value in record._asdict().items() if key in fields}


def _record_objects(connection: LibvirtConnection, folder: Path, kept: KeptTexts) -> list[str]:
    missing = []
    for kind in OBJECT_KINDS:
        try:
            records = connection.objects(kind)
        except LibvirtUnavailable as error:
            missing.append(f"{kind}: {error}")
            continue
        for number, record in enumerate(records):
            try:
                _record_object(folder / kind / f"{number:05}", OBJECT_KINDS[kind], record, kept)
            except MalformedXml as error:
                missing.append(f"{kind}: {error}")
    return missing


def _record_object(name: Path, tag: str, record: ObjectRecord, kept: KeptTexts) -> None:
    known = record._asdict()
    del known["xml"]
    known["volume_xmls"] = [kept.xml(xml, "volume") for xml in record.volume_xmls]
    known["error"] = kept.text(record.error)
    _write(name.with_suffix(".xml"), kept.xml(record.xml, tag))
    _write_json(name.with_suffix(".json"), known)


def _record_answers(connection: LibvirtConnection, folder: Path, kept: KeptTexts) -> list[str]:
    """Let the collectors ask, and keep what they are answered."""
    listener = _Listener(connection, folder, kept)
    host = Host(libvirt=_Single(cast("LibvirtConnection", listener)))
    for collect in (hypervisor.collect, domains.collect):
        try:
            collect(host)
        except LibvirtUnavailable as error:
            host.warn(str(error))
    return host.warnings


@dataclass(frozen=True, slots=True)
class _Single:
    """A Libvirt of one connection."""

    connection: LibvirtConnection

    @property
    def uris(self) -> tuple[str, ...]:
        return (self.connection.uri,)

    def connect(self, uri: str) -> LibvirtConnection:  # noqa: ARG002 -- there is only one
        return self.connection


class _Listener:
    """A connection that writes down the answers to what a recording must answer again."""

    def __init__(self, connection: LibvirtConnection, folder: Path, kept: KeptTexts) -> None:
        self._connection = connection
        self._folder = folder
        self._kept = kept

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the connection has
        return getattr(self._connection, name)

    def domain_capabilities(
        self, emulator: str | None, architecture: str, machine: str | None, domain_type: str
    ) -> str:
        xml = self._connection.domain_capabilities(emulator, architecture, machine, domain_type)
        program = slug((emulator or "").rpartition("/")[2])
        parts = ("domcapabilities", program, architecture, domain_type, machine or "default")
        name = "-".join(map(slug, parts))
        _write(self._folder / f"{name}.xml", self._kept.capabilities(xml, "domainCapabilities"))
        return xml

    def expand_cpu(self, cpu_xml: str) -> str:
        xml = self._connection.expand_cpu(cpu_xml)
        _write(self._folder / "cpus" / answer_name(cpu_xml), xml)
        return xml

    def expand_hypervisor_cpu(
        self, emulator: str, architecture: str, machine: str, domain_type: str, cpu_xml: str
    ) -> str:
        question = (emulator, architecture, machine, domain_type, cpu_xml)
        xml = self._connection.expand_hypervisor_cpu(*question)
        _write(self._folder / "cpus" / answer_name(*question), xml)
        return xml


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    _write(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
