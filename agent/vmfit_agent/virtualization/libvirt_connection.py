"""The live libvirt: the module that opens connections, and asks them everything but domains."""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from vmfit_agent.bounded_call import call_within
from vmfit_agent.byte_cache import ByteCache
from vmfit_agent.host import (
    DirtyRate,
    DomainRecord,
    LibvirtConnection,
    LibvirtUnavailable,
    ObjectRecord,
)
from vmfit_agent.virtualization.libvirt_dirty_rate import measure_dirty_rate
from vmfit_agent.virtualization.libvirt_domains import find_domain, list_domains
from vmfit_agent.virtualization.libvirt_objects_reader import list_objects
from vmfit_agent.virtualization.libvirt_process_probe import ProcessProbe

Result = TypeVar("Result")

OPEN_SECONDS = 4.0
"""A daemon that is stopped accepts connections and never answers them."""
PATIENCE_SECONDS = 8.0
"""How long a call waits for an earlier one; longer than a broken connection takes to be noticed."""
# Clients choose what is asked about: as many models and features as they like.
_REMEMBERED_BYTES = 2 << 20
_KEEPALIVE_SECONDS = 2
_KEEPALIVE_COUNT = 2
# Of these the driver runs in a daemon, whose socket (libvirt-sock, virtqemud-sock) lies here.
_SYSTEM_URIS = frozenset(("qemu:///system", "xen:///system", "lxc:///system", "ch:///system"))
_SOCKET_DIRECTORIES = ("/run/libvirt", "/var/run/libvirt")
_REFUSALS = (
    "VIR_ERR_ACCESS_DENIED",
    "VIR_ERR_AUTH_CANCELLED",
    "VIR_ERR_AUTH_FAILED",
    "VIR_ERR_AUTH_UNAVAILABLE",
    "VIR_ERR_OPERATION_DENIED",
)


class LiveLibvirt:
    """All configured libvirt URIs, each opened when first asked for. Safe to use from threads."""

    def __init__(self, uris: Sequence[str]) -> None:
        self.uris: Sequence[str] = tuple(uris)
        self._connections: dict[str, LiveConnection] = {}
        self._locks = {uri: threading.Lock() for uri in self.uris}
        self._opening: set[str] = set()

    def connect(self, uri: str) -> LibvirtConnection:
        """Return the open connection, opened again if it broke; else raise LibvirtUnavailable."""
        if uri not in self._locks:
            raise LibvirtUnavailable(f"{uri}: not among the configured libvirt URIs")
        with self._locks[uri]:
            connection = self._connections.get(uri)
            if connection is None or not connection.is_alive():
                connection = self._open(uri)
                self._connections[uri] = connection
            return connection

    def _open(self, uri: str) -> "LiveConnection":
        if uri in self._opening:
            raise LibvirtUnavailable(f"{uri}: libvirt does not answer an earlier attempt")
        _require_daemon(uri)
        libvirt = _library(uri)

        def attempt() -> LiveConnection:
            self._opening.add(uri)
            try:
                return _open(libvirt, uri)
            finally:
                self._opening.discard(uri)

        try:
            return call_within(OPEN_SECONDS, attempt)
        except TimeoutError as error:
            raise LibvirtUnavailable(f"{uri}: libvirt does not answer: {error}") from error
        except libvirt.libvirtError as error:
            raise LibvirtUnavailable(f"{uri}: cannot connect: {_reason(error)}") from error


def _require_daemon(uri: str) -> None:
    """Raise LibvirtUnavailable where libvirt lives as usual and no daemon of this host listens.

    libvirt would say the same, but loading it is the dearest part of a snapshot.
    """
    if uri not in _SYSTEM_URIS:
        return
    places = [place for place in _SOCKET_DIRECTORIES if os.path.isdir(place)]  # noqa: PTH112
    try:
        names = [name for place in places for name in os.listdir(place)]  # noqa: PTH208
    except OSError:
        return
    if places and not any(name.endswith("-sock") for name in names):
        raise LibvirtUnavailable(f"{uri}: cannot connect: no socket of a daemon in {places[0]}")


# VIR_ERR_XML_ERROR, VIR_ERR_XML_DETAIL and VIR_ERR_CONFIG_UNSUPPORTED.
_ABOUT_WORDS = frozenset((27, 35, 67))


def _library(uri: str) -> Any:  # noqa: ANN401 -- an optional module
    try:
        import libvirt  # noqa: PLC0415 -- an optional dependency
    except ImportError as error:
        raise LibvirtUnavailable(
            f"{uri}: the libvirt Python module is not installed (python3-libvirt)"
        ) from error
    return libvirt


def _open(libvirt: Any, uri: str) -> "LiveConnection":  # noqa: ANN401 -- an optional module
    # Without a handler libvirt prints every error to stderr.
    libvirt.registerErrorHandler(_ignore_error, None)
    read_only = False
    try:
        connection = libvirt.open(uri)
    except libvirt.libvirtError as error:
        if not _is_refusal(libvirt, error):
            raise
        connection = libvirt.openReadOnly(uri)
        read_only = True
    # Ends calls to a daemon that hangs. Needs the event loop that a running agent has: refused in
    # one-shot commands, and by drivers without a daemon.
    with contextlib.suppress(libvirt.libvirtError):
        connection.setKeepAlive(_KEEPALIVE_SECONDS, _KEEPALIVE_COUNT)
    return LiveConnection(libvirt, connection, uri, read_only=read_only)


def _ignore_error(*_: object) -> None:
    """Do nothing: every error is raised, too."""


def _is_refusal(libvirt: Any, error: Any) -> bool:  # noqa: ANN401
    codes = {getattr(libvirt, name, None) for name in _REFUSALS}
    return error.get_error_code() in codes or "Permission denied" in str(error)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class LiveConnection:
    """One open libvirt connection; see LibvirtConnection for what its methods return."""

    def __init__(self, libvirt: Any, connection: Any, uri: str, *, read_only: bool) -> None:  # noqa: ANN401
        self.uri = uri
        self.read_only = read_only
        self._libvirt = libvirt
        self._connection = connection
        self._probe = ProcessProbe(libvirt, uri, read_only=read_only)
        self._expanded = ByteCache(_REMEMBERED_BYTES)
        self._capabilities = ""
        # libvirt 9.0 loses threads that wait for one connection when it breaks: one at a time.
        self._calls = threading.Lock()

    def is_alive(self) -> bool:
        """Return whether the connection still stands, without asking the daemon."""
        try:
            return bool(self._connection.isAlive())
        except self._libvirt.libvirtError:
            return False

    def _ask(self, call: Callable[[], Result]) -> Result:
        if not self._calls.acquire(timeout=PATIENCE_SECONDS):
            raise LibvirtUnavailable(f"{self.uri}: libvirt does not answer an earlier call")
        try:
            return call()
        except self._libvirt.libvirtError as error:
            raise LibvirtUnavailable(f"{self.uri}: {_reason(error)}") from error
        finally:
            self._calls.release()

    def driver(self) -> str:
        """Return the driver's name."""
        name: str = self._ask(self._connection.getType)
        return name

    def libvirt_version(self) -> int | None:
        """Return the daemon's version."""
        version: int | None = self._ask(self._connection.getLibVersion)
        return version

    def hypervisor_version(self) -> int | None:
        """Return the hypervisor's version; None when the driver has none."""
        try:
            version: int = self._ask(self._connection.getVersion)
        except LibvirtUnavailable:
            return None
        return version or None

    def hostname(self) -> str:
        """Return the host's name as libvirt would tell it to a peer."""
        name: str = self._ask(self._connection.getHostname)
        return name

    def capabilities(self) -> str:
        """Return the capabilities XML; what was remembered of CPUs is forgotten if it changed."""
        xml: str = self._ask(self._connection.getCapabilities)
        if xml != self._capabilities:
            self._capabilities = xml
            self._expanded.clear()
        return xml

    def domain_capabilities(
        self, emulator: str | None, architecture: str, machine: str | None, domain_type: str
    ) -> str:
        """Return the domain capabilities XML; libvirt itself notices another emulator."""
        xml: str = self._ask(
            lambda: self._connection.getDomainCapabilities(
                emulator, architecture or None, machine, domain_type or None, 0
            )
        )
        return xml

    def expand_cpu(self, cpu_xml: str) -> str:
        """Return `cpu_xml` with its model expanded to every feature, asked once per answer."""
        flags = self._libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES
        return self._once((cpu_xml,), lambda: self._connection.baselineCPU([cpu_xml], flags))

    def expand_hypervisor_cpu(
        self, emulator: str, architecture: str, machine: str, domain_type: str, cpu_xml: str
    ) -> str:
        """Return the CPU that the hypervisor gives for `cpu_xml`, with every feature."""
        flags = self._libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES
        # The emulator may start for this (s390x): not more often than libvirt changes.
        return self._once(
            (emulator, architecture, machine, domain_type, cpu_xml),
            lambda: self._connection.baselineHypervisorCPU(
                emulator or None,
                architecture or None,
                machine or None,
                domain_type or None,
                [cpu_xml],
                flags,
            ),
        )

    def _once(self, question: tuple[str, ...], call: Callable[[], str]) -> str:
        key = hashlib.blake2b("\0".join(question).encode(), digest_size=16).digest()
        known = self._expanded.get(key)
        if known is not None:
            return known.decode()
        answer = self._ask(call)
        self._expanded.put(key, answer.encode())
        return answer

    def domains(self) -> Sequence[DomainRecord]:
        """Return all domains, active and inactive."""
        records = self._ask(lambda: list_domains(self._libvirt, self._connection, self.uri))
        return self._probe.complete(records)

    def domain(self, name_or_uuid: str) -> DomainRecord | None:
        """Return one domain, None when there is none of that name or UUID; the name wins."""
        found = self._ask(
            lambda: find_domain(self._libvirt, self._connection, self.uri, name_or_uuid)
        )
        return next(iter(self._probe.complete(found)), None)

    def migratable_xml(self, uuid: str) -> str:
        """Return the XML that a migration would send: with its secrets."""
        flags = self._libvirt.VIR_DOMAIN_XML_MIGRATABLE
        xml: str = self._ask(lambda: self._connection.lookupByUUIDString(uuid).XMLDesc(flags))
        return xml

    def refusal(self, xml: str) -> str:
        """Have libvirt read a definition as QEMU's arguments: nothing is started or kept.

        Only what it says of the definition's words is a refusal. Source:
        virConnectDomainXMLToNative; VIR_ERR_XML_ERROR, VIR_ERR_XML_DETAIL,
        VIR_ERR_CONFIG_UNSUPPORTED.
        """
        if self.read_only:
            raise LibvirtUnavailable(f"{self.uri}: libvirt lets the agent only read")

        def read() -> str:
            try:
                self._connection.domainXMLToNative("qemu-argv", xml, 0)
            except self._libvirt.libvirtError as error:
                if error.get_error_code() not in _ABOUT_WORDS:
                    raise
                return _reason(error)
            return ""

        return self._ask(read)

    def dirty_rate(self, uuid: str, period_seconds: int, seconds: float) -> DirtyRate | None:
        """Have a running domain measured, over a connection of its own: it takes its time."""
        if self.read_only:
            raise LibvirtUnavailable(f"{self.uri}: libvirt lets the agent only read")
        try:
            connection = self._libvirt.open(self.uri)
            try:
                return measure_dirty_rate(self._libvirt, connection, uuid, period_seconds, seconds)
            finally:
                connection.close()
        except self._libvirt.libvirtError as error:
            raise LibvirtUnavailable(f"{self.uri}: {_reason(error)}") from error

    def objects(self, kind: str) -> Sequence[ObjectRecord]:
        """Return all "storage_pools", "networks", "secrets" or "network_filters"."""
        return self._ask(lambda: list_objects(self._libvirt, self._connection, kind))
