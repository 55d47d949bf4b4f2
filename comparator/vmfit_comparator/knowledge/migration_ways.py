"""Where the source connects to during a migration, as libvirt's destination decides it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from vmfit.v1.migration_pb2 import StorageCopy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import by_equality, reads
from vmfit_comparator.knowledge.disks import is_copied
from vmfit_comparator.knowledge.libvirt_identities import destination_libvirt_name

# libvirt's own range, unless qemu.conf says otherwise.
_FIRST_PORT, _LAST_PORT = 49152, 49215
# By the transport of a connection URI.
_LIBVIRT_PORTS = {"tls": 16514, "tcp": 16509, "ssh": 22, "libssh": 22, "libssh2": 22}


@dataclass(frozen=True, slots=True)
class Way:
    """A TCP connection from the source to the destination."""

    host: str
    """The name or address that the source connects to."""
    listen_address: str
    """Where the destination listens; empty is all addresses."""
    first_port: int
    last_port: int
    """The destination takes the first free port from `first_port` to `last_port`."""


@dataclass(frozen=True, slots=True)
class ConnectUri:
    """The parts of a URI that say where to connect; empty and zero where it leaves them out."""

    scheme: str
    host: str
    port: int


def connect_uri(uri: str) -> ConnectUri:
    """Return the parts of a migration URI, of libvirt's old form "tcp:HOST:PORT" too."""
    if uri.startswith("tcp:") and not uri.startswith("tcp://"):
        uri = f"tcp://{uri[4:]}"
    try:
        parts = urlsplit(uri)
        return ConnectUri(parts.scheme, parts.hostname or "", parts.port or 0)
    except ValueError:
        return ConnectUri("", "", 0)


@by_equality(
    "destination.identity.hostname",
    "destination.identity.canonical_hostname",
    "destination.identity.hostname_addresses",
    "destination.identity.libvirt_identities.hostname",
)
@reads(
    *("destination.security.qemu_conf", "destination.identity.hostname"),
)
def destination_name(case: Case) -> str:
    """Return what the destination tells the source to connect to when no URI is given.

    Source: qemu.conf, migration_host; virConnectGetHostname.
    """
    destination = case.destination
    configured = destination.security.qemu_conf.get("migration_host", "").strip("[]")
    return configured or destination_libvirt_name(case) or destination.identity.hostname


@reads("options.tunnelled", "options.offline", "options.migration_uri")
def migration_way(case: Case) -> Way | None:
    """Return the connection for the guest's memory; None where TCP is not used, or not known how.

    Source: libvirt's migration documentation, "network data transports"; qemu.conf.
    """
    options = case.options
    if options.tunnelled or options.offline:
        return None
    listen = _listen_address(case)
    if not options.migration_uri:
        name = destination_name(case)
        return Way(name, listen, *port_range(case)) if name else None
    uri = connect_uri(options.migration_uri)
    if uri.scheme != "tcp" or not uri.host:
        return None
    ports = (uri.port, uri.port) if uri.port else port_range(case)
    return Way(uri.host, listen, *ports)


@reads(
    *("options.storage_copy", "options.tunnelled", "options.offline"),
    *("options.disks_uri", "options.disks_port", "vm.disks"),
)
def disks_way(case: Case) -> Way | None:
    """Return the connection for the copy of the disks (NBD); None where none is made.

    It leads to the migration's host, unless --disks-uri names another, which the destination then
    listens on as well.
    """
    options = case.options
    copied = options.storage_copy != StorageCopy.STORAGE_COPY_UNSPECIFIED and any(
        is_copied(disk, case) for disk in case.vm.disks
    )
    if not copied or options.tunnelled or options.offline:
        return None
    if options.disks_uri:
        uri = connect_uri(options.disks_uri)
        if uri.scheme != "tcp" or not uri.host:
            return None
        ports = (uri.port, uri.port) if uri.port else port_range(case)
        return Way(uri.host, uri.host, *ports)
    way = migration_way(case)
    if way is None:
        return None
    port = options.disks_port
    ports = (port, port) if port else port_range(case)
    return Way(way.host, way.listen_address, *ports)


@reads("options.destination_uri")
def libvirt_place(case: Case) -> tuple[str, int] | None:
    """Return the host and port where the destination's libvirt is to be found.

    None without a destination URI, and where the URI's transport is no TCP connection.
    Source: libvirt's connection URIs.
    """
    options = case.options
    try:
        parts = urlsplit(options.destination_uri)
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        return None
    transport = parts.scheme.partition("+")[2] or "tls"
    usual = _LIBVIRT_PORTS.get(transport)
    return (host, port or usual) if host and usual is not None else None


@reads("destination.security.qemu_conf")
def port_range(case: Case) -> tuple[int, int]:
    """Return the first and the last port that the destination may choose."""
    conf = case.destination.security.qemu_conf
    first, last = conf.get("migration_port_min", ""), conf.get("migration_port_max", "")
    return (
        int(first) if first.isdigit() else _FIRST_PORT,
        int(last) if last.isdigit() else _LAST_PORT,
    )


@reads("destination.security.qemu_conf", "options.listen_address")
def _listen_address(case: Case) -> str:
    configured = case.destination.security.qemu_conf.get("migration_address", "")
    return (case.options.listen_address or configured).strip("[]")
