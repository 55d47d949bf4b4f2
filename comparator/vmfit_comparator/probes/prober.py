"""Asks both hosts' agents what a plan needs, side by side, and never fails: errors are answers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from vmfit.v1.probe_pb2 import (
    AccessPath,
    AccessProbe,
    DefinitionProbe,
    DiskProbe,
    OpenDisk,
    Probe,
    ProbeAnswers,
    ReadDefinition,
)
from vmfit.v1.vm_pb2 import StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.hosts.agent_client import AgentClient
from vmfit_comparator.probes.asked_host import AskedHost
from vmfit_comparator.probes.contents import Contents
from vmfit_comparator.probes.dirty_rate import DirtyRates
from vmfit_comparator.probes.plan import Plan, plan
from vmfit_comparator.probes.reach import destination_case, source_case
from vmfit_comparator.probes.recent import Recent
from vmfit_comparator.probes.ways import Ways, ask_for_libvirt, ask_for_servers

_BUDGET_SECONDS = 3.0


class Prober:
    """Asks for engines. Safe to use from several threads."""

    def __init__(self) -> None:
        self._recent_ways: Recent[ProbeAnswers] = Recent()
        self._rates = DirtyRates()

    def answers(
        self,
        case: Case,
        source: tuple[str, AgentClient],
        destination: tuple[str, AgentClient],
        until: float,
        *,
        hosts: Sequence[str] = (),
        is_domain: bool = False,
        definition: str = "",
        persistent_definition: str = "",
        measure: bool = True,
    ) -> ProbeAnswers:
        """Return what the agents say, by `until` and within three seconds.

        `hosts` are the names and addresses by which the inventory knows both hosts; with
        `is_domain` the guest is a domain of the source.
        `definition` is the domain XML that would travel, where it is known, `persistent_definition`
        the stored one that would travel beside.
        Only with `measure` is the guest's writing to memory measured, which takes a second.
        """
        questions = plan(case, definition, persistent_definition)
        until = min(until, time.monotonic() + _BUDGET_SECONDS)
        here = AskedHost(*source, source_case(case, hosts, definition, is_domain=is_domain), until)
        there = AskedHost(*destination, destination_case(case, hosts, definition), until)
        answers = ProbeAnswers()
        ways = Ways(questions, here, there, self._recent_ways)
        contents = Contents(questions.comparisons, here, there)
        # What needs no answer of the other host first goes out all at once.
        rate = self._rates.ask(questions.measured_uuid if measure else "", here)
        understanding = _ask_about_definitions(questions, there)
        disks = _ask_about_disks(questions, here, there)
        libvirt = ask_for_libvirt(questions.libvirt, here)
        servers = ask_for_servers(questions.device_servers, questions.device_names, there)
        ways.connect()
        contents.compare()
        contents.confirm()
        ways.read(answers)
        contents.read(answers)
        disks(answers)
        understanding(answers)
        libvirt(answers)
        servers(answers)
        rate(answers)
        return answers


def _ask_about_disks(
    questions: Plan, here: AskedHost, there: AskedHost
) -> Callable[[ProbeAnswers], None]:
    """Ask both for network disks, the destination for paths.

    What is returned waits and fills in.
    """
    opened = _open(questions.network_disks, there)
    opened_here = _open(questions.source_disks, here)
    allowed = there.ask(
        [
            Probe(access_path=AccessPath(path=each.path, write=each.write))
            for each in questions.accesses
        ]
    )

    def fill(answers: ProbeAnswers) -> None:
        answers.disks.extend(opened())
        answers.source_disks.extend(opened_here())
        for path, result in zip(questions.accesses, allowed(), strict=True):
            access = AccessProbe(path=path.path, write=path.write, error=result.error)
            if result.HasField("access"):
                access.answer.CopyFrom(result.access)
            answers.accesses.append(access)

    return fill


def _ask_about_definitions(questions: Plan, there: AskedHost) -> Callable[[ProbeAnswers], None]:
    """Let the destination's libvirt read definitions; what is returned waits and fills in."""
    xmls = {
        "definition": questions.definition,
        "persistent_definition": questions.persistent_definition,
    }
    asked = {name: xml for name, xml in xmls.items() if xml}
    wait = there.ask([Probe(read_definition=ReadDefinition(xml=xml)) for xml in asked.values()])

    def fill(answers: ProbeAnswers) -> None:
        for name, result in zip(asked, wait(), strict=True):
            probe: DefinitionProbe = getattr(answers, name)
            probe.error = result.error
            if result.HasField("definition"):
                probe.answer.CopyFrom(result.definition)

    return fill


def _open(disks: Mapping[str, StorageSource], host: AskedHost) -> Callable[[], Iterator[DiskProbe]]:
    """Let a host open disks, by their targets; what is returned waits."""
    questions = [Probe(open_disk=OpenDisk(source=each)) for each in disks.values()]
    results = host.ask(questions, of_guest=True)

    def probes() -> Iterator[DiskProbe]:
        for target, result in zip(disks, results(), strict=True):
            disk = DiskProbe(target=target, error=result.error)
            if result.HasField("disk"):
                disk.answer.CopyFrom(result.disk)
            yield disk

    return probes
