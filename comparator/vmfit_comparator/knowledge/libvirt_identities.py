"""What libvirt calls a host: the UUID by which it tells hosts apart, the name it gives to peers."""

from vmfit.v1.host_pb2 import Identity, LibvirtIdentity
from vmfit.v1.hypervisor_pb2 import HypervisorConnection
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import chooses, reads
from vmfit_comparator.knowledge.connections import destination_connection, source_connection


@reads("source.identity.libvirt_identities.hostname")
@chooses("source.identity.libvirt_identities.uri", "source.hypervisor.connections.uri")
def source_libvirt_name(case: Case) -> str:
    """Return the name that the source's libvirt gives the host; empty when it is not known.

    Source: virConnectGetHostname.
    """
    return _identity(case.source.identity, source_connection(case)).hostname


@reads("destination.identity.libvirt_identities.hostname")
@chooses("destination.identity.libvirt_identities.uri", "destination.hypervisor.connections.uri")
def destination_libvirt_name(case: Case) -> str:
    """Return the name that the destination's libvirt gives the host; empty when it is not known.

    Source: virConnectGetHostname.
    """
    return _identity(case.destination.identity, destination_connection(case)).hostname


@reads(
    "source.identity.libvirt_host_uuid",
    "source.identity.libvirt_identities.host_uuid",
)
@chooses("source.identity.libvirt_identities.uri", "source.hypervisor.connections.uri")
def source_host_uuid(case: Case) -> str:
    """Return the UUID by which libvirt knows the source, in lower case; empty when it is not known.

    Source: virConnectGetCapabilities: host/uuid.
    """
    return _uuid(case.source.identity, source_connection(case))


@reads(
    "destination.identity.libvirt_host_uuid",
    "destination.identity.libvirt_identities.host_uuid",
)
@chooses("destination.identity.libvirt_identities.uri", "destination.hypervisor.connections.uri")
def destination_host_uuid(case: Case) -> str:
    """Return the UUID by which libvirt knows the destination, in lower case; empty when unknown.

    Source: virConnectGetCapabilities: host/uuid.
    """
    return _uuid(case.destination.identity, destination_connection(case))


def _uuid(identity: Identity, connection: HypervisorConnection | None) -> str:
    return (_identity(identity, connection).host_uuid or identity.libvirt_host_uuid).lower()


def _identity(identity: Identity, connection: HypervisorConnection | None) -> LibvirtIdentity:
    if connection is None:
        return LibvirtIdentity()
    found = (each for each in identity.libvirt_identities if each.uri == connection.uri)
    return next(found, LibvirtIdentity())
