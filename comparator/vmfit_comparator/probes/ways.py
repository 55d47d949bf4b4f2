"""The ways that the migration's data takes: does the name resolve, does the port answer?"""

from collections.abc import Callable, Sequence

from vmfit.v1.probe_pb2 import (
    ConnectPort,
    NamedProbe,
    OpenListener,
    PortProbe,
    Probe,
    ProbeAnswers,
    ProbeResult,
    ResolveName,
)
from vmfit_comparator.knowledge.migration_ways import Way
from vmfit_comparator.probes.asked_host import AskedHost
from vmfit_comparator.probes.plan import Plan
from vmfit_comparator.probes.recent import Recent

_LISTEN_SECONDS = 3.0
# One lost packet, which the kernel sends again after a second, is no firewall.
_CONNECT_SECONDS = 2.0
_RESOLVE_SECONDS = 2.0


class Ways:
    """The destination listens for a moment, then the source connects; what is recent is reused."""

    def __init__(
        self, plan: Plan, here: AskedHost, there: AskedHost, recent: Recent[ProbeAnswers]
    ) -> None:
        """Ask for the name and for the listeners."""
        self._here, self._there, self._recent = here, there, recent
        self._name = plan.name
        self._ways = [each for each in (plan.migration, plan.disks_copy) if each is not None]
        self._fields = ("migration_port", "disks_port")[: len(self._ways)]
        self._key = (here.name, there.name, self._name, *self._ways)
        self._known = recent.find(self._key)
        self._named: Callable[[], Sequence[ProbeResult]] = lambda: ()
        self._connected: Callable[[], Sequence[ProbeResult]] = lambda: ()
        self._probes: list[PortProbe] = []
        if self._known is not None:
            return
        if self._name:
            question = Probe(resolve_name=ResolveName(name=self._name))
            question.timeout_seconds = _RESOLVE_SECONDS
            self._named = here.ask([question])
        self._listening = there.ask([_listener(each) for each in self._ways])

    def connect(self) -> None:
        """Wait for the listeners and ask the source to connect to them."""
        if self._known is not None:
            return
        for way, result in zip(self._ways, self._listening(), strict=True):
            probe = PortProbe(host=way.host, port=result.listener.port, error=result.error)
            if not result.error and not probe.port:
                probe.none_free = True
                probe.error = result.listener.reason
            self._probes.append(probe)
        self._connected = self._here.ask([_connection(each) for each in self._probes if each.port])

    def read(self, answers: ProbeAnswers) -> None:
        """Wait for the rest and put everything into the answers."""
        if self._known is not None:
            answers.MergeFrom(self._known)
            return
        found = ProbeAnswers()
        listening = [each for each in self._probes if each.port]
        for probe, result in zip(listening, self._connected(), strict=True):
            probe.error = result.error
            if result.HasField("connect"):
                probe.answer.CopyFrom(result.connect)
        for field, probe in zip(self._fields, self._probes, strict=True):
            getattr(found, field).CopyFrom(probe)
        for result in self._named():
            found.destination_name.CopyFrom(NamedProbe(name=self._name, error=result.error))
            if result.HasField("name"):
                found.destination_name.answer.CopyFrom(result.name)
        asked = (found.destination_name, found.migration_port, found.disks_port)
        if not any(each.error for each in asked):
            self._recent.keep(self._key, found)
        answers.MergeFrom(found)


def ask_for_libvirt(
    place: tuple[str, int] | None, here: AskedHost
) -> Callable[[ProbeAnswers], None]:
    """Let the source connect to the destination's libvirt; what is returned waits and fills in."""
    if place is None:
        return lambda _answers: None
    probe = PortProbe(host=place[0], port=place[1])
    connected = here.ask([_connection(probe)])

    def fill(answers: ProbeAnswers) -> None:
        (result,) = connected()
        probe.error = result.error
        if result.HasField("connect"):
            probe.answer.CopyFrom(result.connect)
        answers.libvirt_port.CopyFrom(probe)

    return fill


def ask_for_servers(
    servers: Sequence[tuple[str, int]], names: Sequence[str], there: AskedHost
) -> Callable[[ProbeAnswers], None]:
    """Let the destination connect to the devices' servers and resolve names, as above."""
    ports = [PortProbe(host=host, port=port) for host, port in servers]
    asked = there.ask(
        [
            *(_connection(each) for each in ports),
            *(Probe(resolve_name=ResolveName(name=name)) for name in names),
        ],
        of_guest=True,
    )

    def fill(answers: ProbeAnswers) -> None:
        results = asked()
        for probe, result in zip(ports, results, strict=False):
            probe.error = result.error
            if result.HasField("connect"):
                probe.answer.CopyFrom(result.connect)
        answers.device_servers.extend(ports)
        for name, result in zip(names, results[len(ports) :], strict=True):
            named = NamedProbe(name=name, error=result.error)
            if result.HasField("name"):
                named.answer.CopyFrom(result.name)
            answers.device_names.append(named)

    return fill


def _listener(way: Way) -> Probe:
    question = OpenListener(
        address=way.listen_address,
        first_port=way.first_port,
        # The contract's limit; libvirt's own range is not larger.
        last_port=min(way.last_port, way.first_port + 63),
        seconds=_LISTEN_SECONDS,
    )
    return Probe(open_listener=question)


def _connection(probe: PortProbe) -> Probe:
    question = Probe(connect_port=ConnectPort(host=probe.host, port=probe.port))
    question.timeout_seconds = _CONNECT_SECONDS
    return question
