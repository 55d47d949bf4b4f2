"""This host, or the recording of one, as the commands' options name it."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest, DescribeVmResponse, ProbeCase
from vmfit.v1.probe_pb2 import Probe, ProbeResult
from vmfit_agent.calls import Calls
from vmfit_agent.collectors import COLLECTORS
from vmfit_agent.host import GuestsPlaces, Host, Libvirt, NoLibvirt
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_agent.sources.in_process import AnswerProbes, InProcess
from vmfit_contract.access import LOCAL, Caller
from vmfit_contract.address import Address

if TYPE_CHECKING:
    from vmfit_agent.probes.case_rules import Describe

NO_URI = "none"
"""What stands for no libvirt at all among the URIs."""


class HostOptions(NamedTuple):
    """Which host to read, and which libvirt to ask."""

    root: Path
    libvirt_uris: Sequence[str]
    attributes_directory: Path
    content_directories: Sequence[str] = ()
    """Where clients may ask about files; none is the default. Absolute."""

    def open(self) -> Host:
        """Return the host; nothing is read and no connection is opened yet."""
        directory = Path(str(self.attributes_directory).lstrip("/"))
        return Host(self.root, self._libvirt(), directory, self.content_directories)

    def _libvirt(self) -> Libvirt:
        uris = [uri for uri in self.libvirt_uris if uri != NO_URI]
        if self.root != Path("/"):
            from vmfit_agent.recording.recorded_libvirt import RecordedLibvirt  # noqa: PLC0415

            return RecordedLibvirt(self.root)
        if not uris:
            return NoLibvirt()
        from vmfit_agent.virtualization.libvirt_connection import LiveLibvirt  # noqa: PLC0415

        return LiveLibvirt(uris)


def local_source(host: Host, probing: ProbeSettings | None = None) -> InProcess:
    """Return a source that collects from the host in this process; it probes when it may."""
    source = InProcess(host, COLLECTORS, _describe)
    if probing is not None:
        source.probe_with(prober(host, probing, source.describe_vm))

    @functools.cache
    def known() -> Callable[[], GuestsPlaces]:
        # Most processes are never asked about paths.
        from vmfit_agent.guests_places import KnownGuests  # noqa: PLC0415

        return KnownGuests(source.collect)

    def guests_places() -> GuestsPlaces:
        return known()()

    host.guests_places = guests_places
    return source


def prober(host: Host, probing: ProbeSettings, describe: "Describe") -> AnswerProbes:
    """Return what answers probes of the host, as the settings say."""

    @functools.cache
    def made() -> AnswerProbes:
        # Most processes are never asked, and start faster without.
        from vmfit_agent.probes.prober import Prober  # noqa: PLC0415

        network = _prober_at(probing.prober) if probing.prober is not None else None
        return Prober(host, probing, network, describe=describe).answer

    def answer(
        probes: Sequence[Probe], seconds: float, caller: Caller, case: ProbeCase
    ) -> Sequence[ProbeResult]:
        return made()(probes, seconds, caller, case)

    return answer


def _prober_at(address: Address) -> Calls:
    from vmfit_agent.collect_socket.client import CollectSocket  # noqa: PLC0415

    return CollectSocket(address, who="the process for questions about the network")


def describe_without_host(xml: str) -> DescribeVmResponse:
    """Describe a definition where there is no host to look at."""
    return _describe(DescribeVmRequest(xml=xml), _nowhere(), LOCAL)


def _describe(
    request: DescribeVmRequest,
    host: Host,
    caller: Caller,
) -> DescribeVmResponse:
    # A snapshot alone does not need what looks at images and expands processors.
    from vmfit_agent.describe import describe_vm  # noqa: PLC0415

    return describe_vm(request, host, caller)


@functools.cache
def _nowhere() -> Host:
    return Host(Path("/nonexistent"), NoLibvirt(reason="the agent replays a recording"))
