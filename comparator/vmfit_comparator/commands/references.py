"""What a person writes for a host, a VM or a policy, as the references of a request."""

from pathlib import Path

import click

from vmfit.v1.comparator_service_pb2 import HostReference, PolicyReference, VmReference
from vmfit.v1.vm_pb2 import Vm
from vmfit_contract.address import AGENT_PORT, AddressError, parse_address
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.snapshot_file import SnapshotFileError, read_message, read_snapshot

_SNAPSHOT_SUFFIXES = (".json", ".pb", ".binpb")
_POLICY_SUFFIXES = (".yaml", ".yml")
_MAX_XML_BYTES = 1024 * 1024
_MAX_VM_BYTES = 16 * 1024 * 1024


def host_reference(text: str) -> HostReference:
    """Return a host: an agent's address, a snapshot file, or a name of the inventory."""
    if text.startswith("unix:"):
        return _address(text)
    path = Path(text)
    if text.endswith(_SNAPSHOT_SUFFIXES) or "/" in text or _is_file(path):
        try:
            return HostReference(snapshot=read_snapshot(path))
        except SnapshotFileError as error:
            raise AskedWronglyError(str(error)) from None
    return _address(text) if ":" in text else HostReference(name=text)


def vm_reference(name: str | None, xml: Path | None, description: Path | None) -> VmReference:
    """Return a VM: a name or UUID on the source, domain XML, or a described VM.

    `name` may also be the path of a description, ending in .json.
    """
    if name is not None and name.endswith(".json") and description is None:
        description = Path(name)
    if xml is not None and description is not None:
        raise click.UsageError("give --xml or --vm, not both")
    if xml is not None:
        return VmReference(xml=read_text(xml))
    if description is not None:
        try:
            vm = read_message(description, Vm, _MAX_VM_BYTES)
        except SnapshotFileError as error:
            raise AskedWronglyError(str(error)) from None
        return VmReference(description=vm)
    if not name:
        raise click.UsageError("name the VM: VM, --xml FILE or --vm FILE")
    return VmReference(name_or_uuid=name)


def policy_reference(text: str | None) -> PolicyReference:
    """Return a policy: a name, or the content of a YAML file."""
    if not text:
        return PolicyReference()
    path = Path(text)
    if not (text.endswith(_POLICY_SUFFIXES) or "/" in text or _is_file(path)):
        return PolicyReference(name=text)
    from vmfit_comparator.policies.policy_error import PolicyError  # noqa: PLC0415 -- few need YAML
    from vmfit_comparator.policies.policy_file import read_policy  # noqa: PLC0415 -- as above

    try:
        return PolicyReference(inline=read_policy(path))
    except PolicyError as error:
        raise AskedWronglyError(str(error)) from None


def read_text(path: Path) -> str:
    """Return the text of a file with domain XML, at most 1 MiB."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_XML_BYTES + 1)
    except OSError as error:
        raise AskedWronglyError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > _MAX_XML_BYTES:
        raise AskedWronglyError(f"{path}: larger than {_MAX_XML_BYTES} bytes")
    if not content.strip():
        raise AskedWronglyError(f"{path}: empty")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise AskedWronglyError(f"{path}: not UTF-8 at byte {error.start}") from None


def _address(text: str) -> HostReference:
    try:
        return HostReference(address=str(parse_address(text, AGENT_PORT)))
    except AddressError as error:
        raise AskedWronglyError(str(error)) from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # Too long for a path, or with a null byte.
        return False
