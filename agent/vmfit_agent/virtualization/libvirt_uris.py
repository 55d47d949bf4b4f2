"""Asking several libvirt URIs, of which some may not answer."""

from collections.abc import Callable
from typing import TypeVar

from vmfit_agent.host import Host, LibvirtConnection, LibvirtUnavailable

Result = TypeVar("Result")


def ask_each(host: Host, ask: Callable[[LibvirtConnection], Result]) -> list[Result]:
    """Return the answers in the order of the URIs; one that cannot be opened costs a warning.

    The hypervisor part says which those are. An open connection that fails to answer fails the
    whole: what it has must not look like nothing. Raises LibvirtUnavailable then, and when no URI
    can be opened, or none is configured.
    """
    if not host.libvirt.uris:
        raise LibvirtUnavailable("no libvirt URI is configured")
    connections: list[LibvirtConnection] = []
    failures: list[str] = []
    for uri in host.libvirt.uris:
        try:
            connections.append(host.libvirt.connect(uri))
        except LibvirtUnavailable as error:
            failures.append(str(error))
    if not connections:
        raise LibvirtUnavailable("; ".join(failures))
    for failure in failures:
        host.warn(failure)
    return [ask(connection) for connection in connections]
