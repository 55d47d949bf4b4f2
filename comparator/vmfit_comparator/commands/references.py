"""What a person writes for a host or a VM, as the references of a request."""

from pathlib import Path

import click

from vmfit.v1.comparator_service_pb2 import HostReference, VmReference
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.commands.times import parse_time
from vmfit_contract.address import AGENT_PORT, AddressError, parse_address
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.definition_file import DefinitionFileError, read_definition
from vmfit_contract.snapshot_file import AnyMessage, SnapshotFileError, read_message, read_snapshot

_SNAPSHOT_SUFFIXES = (".json", ".pb", ".binpb")
_MAX_VM_BYTES = 16 * 1024 * 1024


def host_reference(text: str, option: str = "HOST") -> HostReference:
    """Return a host: an agent's address, a snapshot file, or a name of the inventory.

    "NAME@TIME" and "ADDRESS@TIME" are the host as it was. Errors begin with `option`, by which the
    host was given.
    """
    host, _, moment = text.rpartition("@")
    if not host or is_file(Path(text)):
        return _present(text, option)
    try:
        at = parse_time(moment)
    except ValueError as error:
        if "/" in text or text.endswith(_SNAPSHOT_SUFFIXES):
            return _present(text, option)
        raise AskedWronglyError(f"{option}: {error}") from None
    found = _present(host, option)
    if found.WhichOneof("host") == "snapshot":
        raise AskedWronglyError(f"{option}: {host} is a file, which has no other times")
    found.at.CopyFrom(at)
    return found


def _present(text: str, option: str) -> HostReference:
    if text.startswith("unix:"):
        return _address(text, option)
    path = Path(text)
    if text.endswith(_SNAPSHOT_SUFFIXES) or "/" in text or is_file(path):
        try:
            return HostReference(snapshot=read_snapshot(path))
        except SnapshotFileError as error:
            raise AskedWronglyError(f"{option}: {error}") from None
    return _address(text, option) if ":" in text else HostReference(name=text)


def vm_reference(name: str | None, xml: Path | None, description: Path | None) -> VmReference:
    """Return a VM: a name or UUID on the source, domain XML, or a described VM.

    `name` may also be the path of a description, ending in .json.
    """
    if name is not None and name.endswith(".json") and description is None:
        description = Path(name)
    if xml is not None and description is not None:
        raise click.UsageError("give --xml or --vm, not both")
    if xml is not None:
        return VmReference(xml=read_text(xml, "--xml"))
    if description is not None:
        return VmReference(description=read_file(description, Vm, "--vm"))
    if not name:
        raise click.UsageError("name the VM: VM, --xml FILE or --vm FILE")
    return VmReference(name_or_uuid=name)


def read_file(path: Path, message_type: type[AnyMessage], option: str) -> AnyMessage:
    """Return what a file says in JSON or in the binary form. Errors begin with the option."""
    try:
        return read_message(path, message_type, _MAX_VM_BYTES)
    except SnapshotFileError as error:
        raise AskedWronglyError(f"{option}: {error}") from None


def read_text(path: Path, option: str) -> str:
    """Return the text of a file with domain XML, at most 1 MiB. Errors begin with the option."""
    try:
        return read_definition(path)
    except DefinitionFileError as error:
        raise AskedWronglyError(f"{option}: {error}") from None


def _address(text: str, option: str) -> HostReference:
    try:
        return HostReference(address=str(parse_address(text, AGENT_PORT)))
    except AddressError as error:
        raise AskedWronglyError(f"{option}: {error}") from None


def is_file(path: Path) -> bool:
    """Return whether a word names a file."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # Too long for a path, or with a null byte.
        return False
