"""Asking several libvirt URIs, of which some may not answer."""

from collections.abc import Callable
from typing import TypeVar

from vmfit_agent.host import Host, LibvirtConnection, LibvirtUnavailable

Result = TypeVar("Result")


def ask_each(host: Host, ask: Callable[[LibvirtConnection], Result]) -> list[Result]:
    """Return the answers in the order of the URIs; one that does not answer costs a warning.

    Raises LibvirtUnavailable when none answers, or none is configured.
    """
    if not host.libvirt.uris:
        raise LibvirtUnavailable("no libvirt URI is configured")
    answers: list[Result] = []
    failures: list[str] = []
    for uri in host.libvirt.uris:
        try:
            answers.append(ask(host.libvirt.connect(uri)))
        except LibvirtUnavailable as error:
            failures.append(str(error))
    if not answers:
        raise LibvirtUnavailable("; ".join(failures))
    for failure in failures:
        host.warn(failure)
    return answers
