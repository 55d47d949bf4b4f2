"""What to ask for one migration."""

from collections.abc import Mapping
from dataclasses import dataclass

from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.vm_pb2 import Disk, StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.knowledge.connections import (
    KVM_DEVICE,
    destination_connection,
    runs_in_session,
    runs_on_qemu,
    source_connection,
)
from vmfit_comparator.knowledge.convergence import is_in_doubt
from vmfit_comparator.knowledge.device_servers import (
    names_elsewhere,
    servers_elsewhere,
    servers_of_secret_disks,
)
from vmfit_comparator.knowledge.disk_identity import same_disk
from vmfit_comparator.knowledge.disks import (
    DiskPair,
    backing_pairs,
    data_pairs,
    is_copied,
    opened_by_path,
    pairs,
)
from vmfit_comparator.knowledge.migration_ways import (
    Way,
    destination_name,
    disks_way,
    libvirt_place,
    migration_way,
)
from vmfit_comparator.knowledge.tls_directories import server_key
from vmfit_comparator.probes.blocks import Blocks, chosen_blocks

_MAX_DISKS = 8
_MAX_DEVICES = 4
_SURE = (Answer.ANSWER_YES, Answer.ANSWER_NO)
# What QEMU opens by itself, without the host's kernel in between.
_OPENED = ("nbd", "iscsi", "rbd", "http", "https", "ftp", "ftps", "ssh", "gluster", "nfs")


@dataclass(frozen=True, slots=True)
class PathAccess:
    """A path that QEMU on the destination opens."""

    path: str
    write: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A disk whose content tells more than its name."""

    target: str
    source_path: str
    destination_path: str
    blocks: tuple[Blocks, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions of one migration; what is empty or None need not be asked."""

    name: str
    migration: Way | None
    disks_copy: Way | None
    libvirt: tuple[str, int] | None
    """Host and port, where the source itself connects to them."""
    device_servers: list[tuple[str, int]]
    """Host and port, where the destination connects to them."""
    device_names: list[str]
    """Names that the destination resolves."""
    network_disks: dict[str, StorageSource]
    """By target, as the destination opens them."""
    source_disks: dict[str, StorageSource]
    """Those of them that both hosts know by the same names, as the source opens them."""
    accesses: tuple[PathAccess, ...]
    comparisons: tuple[Comparison, ...]
    definition: str
    """Domain XML that the destination's libvirt reads."""
    persistent_definition: str
    """The stored definition that it reads as well."""
    measured_uuid: str
    """The domain whose writing to memory is worth measuring on the source."""


def plan(case: Case, definition: str = "", persistent_definition: str = "") -> Plan:
    """Return what is worth asking: what cannot change an answer is left out.

    `definition` is the domain XML that would travel, where it is known, `persistent_definition` the
    stored one that would travel beside.
    """
    way = migration_way(case)
    # libvirt refuses such a name before anybody connects.
    if way is not None and _is_refused(way.host, case):
        way = None
    disks = _network_disks(case)
    named = way is not None and not case.options.migration_uri
    return Plan(
        name=destination_name(case) if named else "",
        migration=way,
        disks_copy=disks_way(case) if way is not None else None,
        libvirt=libvirt_place(case),
        device_servers=[
            *servers_elsewhere(case)[:_MAX_DEVICES],
            *servers_of_secret_disks(case)[:_MAX_DEVICES],
        ],
        device_names=names_elsewhere(case)[:_MAX_DEVICES],
        network_disks=disks,
        source_disks=_on_source(disks, case),
        accesses=_accesses(case),
        comparisons=_comparisons(case),
        definition=definition if _may_be_refused(case) else "",
        persistent_definition=persistent_definition if _may_be_refused(case) else "",
        measured_uuid=case.vm.uuid if is_in_doubt(case) else "",
    )


def _may_be_refused(case: Case) -> bool:
    """Tell whether the destination may read a definition in another way than the source does."""
    here = source_connection(case)
    there = destination_connection(case)
    if here is None or there is None or not runs_on_qemu(case.vm):
        return False
    return bool(case.options.destination_xml) or (
        (here.libvirt_version, here.hypervisor_version)
        != (there.libvirt_version, there.hypervisor_version)
    )


def _is_refused(host: str, case: Case) -> bool:
    return host.startswith("localhost") and not case.options.migration_uri


def _network_disks(case: Case) -> dict[str, StorageSource]:
    """Return the network disks that need no secret, and such images below disks.

    The destination opens the copied disks, too.
    """
    if case.options.offline:
        return {}
    secret = {each.user for each in case.incoming.secrets}
    found = {
        pair.there.target: pair.there.source
        for pair in (*pairs(case), *backing_pairs(case))
        if pair.there.source.protocol in _OPENED
        and f"disk {pair.there.target.partition('[')[0]}" not in secret
    }
    return dict(list(found.items())[:_MAX_DISKS])


def _on_source(disks: Mapping[str, StorageSource], case: Case) -> dict[str, StorageSource]:
    """Return what the source opens: where names prove it the same, what they lead to may differ."""
    return {
        pair.here.target: pair.here.source
        for pair in (*pairs(case), *backing_pairs(case))
        if pair.here.target in disks
        and same_disk(pair, case).answer in (Answer.ANSWER_YES, Answer.ANSWER_NO_IDEA)
    }


def _accesses(case: Case) -> tuple[PathAccess, ...]:
    """Return KVM's device and those of disks, files and images below them included, if there.

    Of an encrypted migration the server's key comes before the disks.
    """
    if case.options.offline:
        return ()
    found: dict[str, bool] = {}
    if case.options.tls and _has_server_key(case):
        found[server_key(case)] = False
    for share in case.incoming.filesystems:
        if share.driver != "virtiofs" and share.source.kind == "directory":
            found[share.source.path] = False
    for pair in opened_by_path(case):
        disk = pair.there
        _add(found, disk.source, write=not pair.is_read_only)
        for image in disk.backing_chain:
            _add(found, image, write=False)
    kvm = [PathAccess(KVM_DEVICE, write=True)] if _opens_kvm(case) else []
    disks = [PathAccess(*each) for each in list(found.items())[: 2 * _MAX_DISKS]]
    return (*kvm, *disks)


def _opens_kvm(case: Case) -> bool:
    """Tell whether the guest runs on KVM there, by libvirt's system daemon and its user."""
    vm, destination = case.vm, case.destination
    return (
        vm.domain_type == "kvm"
        and runs_on_qemu(vm)
        and not runs_in_session(case)
        and "kvm" in destination.kernel.device_nodes
    )


def _has_server_key(case: Case) -> bool:
    certificate = server_key(case).replace("-key.", "-cert.")
    return any(
        each.path == certificate and each.key_present
        for each in case.destination.security.certificates
    )


def _add(found: dict[str, bool], source: StorageSource, *, write: bool) -> None:
    path = source.path
    if path.path and path.exists and not source.protocol:
        found[path.path] = found.get(path.path, False) or write


def _comparisons(case: Case) -> tuple[Comparison, ...]:
    if case.options.offline:
        return ()
    every = (*pairs(case), *data_pairs(case), *backing_pairs(case))
    found = (_comparison(pair, case) for pair in every)
    return tuple(each for each in found if each is not None)[:_MAX_DISKS]


def _comparison(pair: DiskPair, case: Case) -> Comparison | None:
    """Return what to compare of a disk that is there, and that no name proves or disproves.

    One that would be copied onto itself is read as well, for its locks.
    """
    if not (_is_readable(pair.here) and _is_readable(pair.there)):
        return None
    outcome = same_disk(pair, case)
    onto_itself = outcome.answer == Answer.ANSWER_YES and is_copied(pair.here, case)
    if outcome.not_applicable or (outcome.answer in _SURE and not onto_itself):
        return None
    here, there = pair.here.source.path, pair.there.source.path
    sizes = [each.size_bytes for each in (here, there) if each.size_bytes]
    blocks = chosen_blocks(min(sizes)) if sizes else ()
    return Comparison(pair.there.target, here.path, there.path, blocks) if blocks else None


def _is_readable(disk: Disk) -> bool:
    path = disk.source.path
    return bool(path.path) and path.exists and path.kind in ("file", "block")
