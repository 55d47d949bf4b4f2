"""Is what the destination opens for a disk the very disk of the source?"""

from collections.abc import Iterable

from vmfit.v1.finding_pb2 import ANSWER_NO_IDEA, Answer, Quality
from vmfit.v1.probe_pb2 import DiskProbe
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.content_identity import with_content
from vmfit_comparator.knowledge.device_identity import same_device
from vmfit_comparator.knowledge.disks import DiskPair, is_on_host, servers
from vmfit_comparator.knowledge.file_identity import same_file
from vmfit_comparator.knowledge.host_paths import path_exists

_OTHER = (Answer.ANSWER_NO, Answer.ANSWER_PROBABLY_NO)


def proven_disk(pair: DiskPair, case: Case) -> Result:
    """Compare one disk by its names, then by what the agents found when they were asked."""
    outcome = same_disk(pair, case)
    if pair.there.source.protocol:
        outcome = _as_opened(outcome, pair, case)
    else:
        outcome = with_content(outcome, pair, case)
    if pair.there.device == "cdrom" and outcome.answer in _OTHER:
        text = f"{outcome.reason}: the guest finds another CD in its drive"
        return probably_yes(text, probability=0.7, quality=Quality.QUALITY_REDUCED)
    return outcome


@reads("probes.source_disks")
def _as_opened(outcome: Result, pair: DiskPair, case: Case) -> Result:
    """Let what each host finds when it opens a network disk speak against its name."""
    here = _probe(case.probes.source_disks, pair.there.target) or DiskProbe()
    there = disk_probe(pair.there.target, case) or DiskProbe()
    sizes = (
        pair.here.source.virtual_size_bytes or here.answer.virtual_size_bytes,
        there.answer.virtual_size_bytes,
    )
    if all(sizes) and sizes[0] != sizes[1]:
        return no(f"another disk of that name: {sizes[0]} bytes here, {sizes[1]} there")
    addresses = [each.answer.server_addresses for each in (here, there)]
    elsewhere = all(addresses) and not set(addresses[0]) & set(addresses[1])
    if elsewhere and outcome.answer > ANSWER_NO_IDEA:
        names = servers(pair.there.source)
        return no_idea(
            f"{names} is {', '.join(addresses[0])} here and {', '.join(addresses[1])} there: "
            "whether that is the same server is not known"
        )
    return outcome


@reads("probes.disks")
def disk_probe(target: str, case: Case) -> DiskProbe | None:
    """Return what became of opening a network disk on the destination; None: nobody tried."""
    return _probe(case.probes.disks, target)


def _probe(probes: Iterable[DiskProbe], target: str) -> DiskProbe | None:
    return next((each for each in probes if each.target == target), None)


def same_disk(pair: DiskPair, case: Case) -> Result:
    """Compare one disk of the source with what the destination would open for it."""
    here, there = pair.here.source, pair.there.source
    if not pair.here.HasField("source"):
        return not_applicable("the drive is empty on the source")
    if there.protocol or here.protocol:
        return _same_network_disk(pair)
    if path_exists(there.path, case) is False:
        return not_applicable(f"{there.path.path} is missing on the destination")
    if "nvme" in (here.type, there.type):
        return probably_no("a disk of type nvme is a device of its own on every host")
    if "vhostuser" in (here.type, there.type):
        return no_idea(f"what the server at {there.path.path} on each host has is not known")
    if not there.path.path:
        return no_idea(
            f"the path of volume {there.volume} in pool {there.pool} is not known there",
            missing=["incoming.disks.source.path"],
        )
    if _is_block(here.type, here.path.kind) != _is_block(there.type, there.path.kind):
        return no(
            f"{here.path.path} is a {_kind(here.type, here.path.kind)} here, "
            f"{there.path.path} a {_kind(there.type, there.path.kind)} there"
        )
    if _is_block(there.type, there.path.kind):
        return same_device(here.path, there.path, case)
    return same_file(here, there, case, read_only=pair.is_read_only)


def _is_block(type_name: str, kind: str) -> bool:
    return kind == "block" or (not kind and type_name == "block")


def _kind(type_name: str, kind: str) -> str:
    return kind or type_name


def _same_network_disk(pair: DiskPair) -> Result:
    here, there = pair.here.source, pair.there.source
    names = [f"{each.protocol} {each.name}" for each in (here, there)]
    if names[0] != names[1]:
        return probably_no(f"{names[0]} here, {names[1]} there", probability=0.2)
    if is_on_host(there):
        return no_idea(f"{names[0]} at {servers(there)} is a server of each host's own")
    if servers(here) == servers(there):
        where = servers(there) or "the servers of the client's configuration"
        return yes(f"{names[0]} on {where}, for both hosts")
    if {host.name for host in here.hosts} & {host.name for host in there.hosts}:
        return yes(f"{names[0]} on {servers(there)}, partly the same servers")
    return no_idea(f"{names[0]} on {servers(here)} here, on {servers(there)} there")
