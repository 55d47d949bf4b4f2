"""Revisions of the snapshot's schema: who can read what, and what moved from one to the next.

Revision 2 took what libvirt calls the host (UUID, name) out of the hypervisor part, which is equal
on equal hosts since, and put it into the identity.
"""

from collections.abc import Sequence

from vmfit.v1.host_pb2 import Identity, LibvirtIdentity
from vmfit.v1.hypervisor_pb2 import Hypervisor, HypervisorConnection
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_contract.part_digest import digest

SCHEMA_REVISION = 2
"""The revision that this version writes; see Snapshot.schema_revision."""
OLDEST_READER_REVISION = 2
"""See Snapshot.oldest_reader_revision."""


def refusal(snapshot: Snapshot) -> str:
    """Return why this version would misunderstand a snapshot; empty when it would not.

    What a newer revision merely adds is no reason.
    """
    needed = snapshot.oldest_reader_revision or snapshot.schema_revision
    if needed <= SCHEMA_REVISION:
        return ""
    return (
        f"is of schema revision {snapshot.schema_revision}, which only readers of revision "
        f"{needed} and later understand; this version knows up to {SCHEMA_REVISION}"
    )


def upgraded(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot in the form of the latest revision: itself, where it has that form.

    Otherwise a copy, whose digests are those of the new content.
    """
    settings = snapshot.security.libvirtd_conf
    if "host_uuid" not in settings and not any(map(_is_named, snapshot.hypervisor.connections)):
        return snapshot
    renewed = Snapshot()
    renewed.CopyFrom(snapshot)
    names = take_names(renewed.hypervisor) if renewed.HasField("hypervisor") else []
    if names:
        give_names(renewed.identity, names)
    if "host_uuid" in settings:
        del renewed.security.libvirtd_conf["host_uuid"]
    renewed.schema_revision = max(snapshot.schema_revision, SCHEMA_REVISION)
    _renew_digests(renewed)
    return renewed


def take_names(hypervisor: Hypervisor) -> list[LibvirtIdentity]:
    """Take what libvirt calls the host out of a hypervisor part; return it, by connection."""
    names = []
    for connection in filter(_is_named, hypervisor.connections):
        name = LibvirtIdentity(uri=connection.uri)
        _copy_name(connection, name)
        connection.ClearField("host_uuid")
        connection.ClearField("hostname")
        names.append(name)
    return names


def give_names(identity: Identity, names: Sequence[LibvirtIdentity]) -> None:
    """Let an identity say what libvirt calls the host, in place of what it said of that before."""
    del identity.libvirt_identities[:]
    identity.libvirt_identities.extend(names)
    uuid = next((each.host_uuid for each in names if each.host_uuid), "")
    if uuid:
        identity.libvirt_host_uuid = uuid


def as_of_revision_1(snapshot: Snapshot, names: Sequence[LibvirtIdentity]) -> None:
    """Give a snapshot the form of revision 1, with what libvirt calls the host."""
    known = {each.uri: each for each in names}
    for connection in snapshot.hypervisor.connections:
        if connection.uri in known:
            _copy_name(known[connection.uri], connection)
    if snapshot.HasField("identity"):
        snapshot.identity.ClearField("libvirt_identities")
    snapshot.schema_revision = 1
    snapshot.ClearField("oldest_reader_revision")
    _renew_digests(snapshot)


def _is_named(connection: HypervisorConnection) -> bool:
    return connection.HasField("host_uuid") or connection.HasField("hostname")


def _copy_name(
    named: HypervisorConnection | LibvirtIdentity, other: HypervisorConnection | LibvirtIdentity
) -> None:
    if named.HasField("host_uuid"):
        other.host_uuid = named.host_uuid
    if named.HasField("hostname"):
        other.hostname = named.hostname


def _renew_digests(snapshot: Snapshot) -> None:
    changed = {
        "identity": snapshot.identity if snapshot.HasField("identity") else None,
        "hypervisor": snapshot.hypervisor if snapshot.HasField("hypervisor") else None,
        "security": snapshot.security if snapshot.HasField("security") else None,
    }
    for status in snapshot.parts:
        part = changed.get(status.name)
        if part is not None and status.digest:
            status.digest = digest(part)
