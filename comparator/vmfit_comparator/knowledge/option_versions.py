"""The options of `virsh migrate` by the versions of libvirt and QEMU that know them.

virsh and the source's libvirt must know an option, and so must the destination's: it gets the same
flags and typed parameters, and refuses those it does not know.

Source: "Since" of virDomainMigrateFlags and VIR_MIGRATE_PARAM_* in libvirt's libvirt-domain.h;
qemuMigrationParamsFlagMap and qemuMigrationParamsTPMap for which QEMU needs what; QEMU's
qapi/migration.json.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vmfit.v1.migration_pb2 import MigrationOptions, StorageCopy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.remedies import drop_option
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no
from vmfit_comparator.knowledge.connections import (
    destination_hypervisor_version,
    destination_libvirt_version,
    source_hypervisor_version,
    source_libvirt_version,
)
from vmfit_comparator.knowledge.versions import version_text

_Given = Callable[[MigrationOptions], object]


@dataclass(frozen=True, slots=True)
class VersionedOption:
    """An option, and the first versions that know it, as libvirt numbers them."""

    name: str
    is_given: _Given
    libvirt: int
    source_qemu: int = 0
    """0 where every QEMU will do."""
    destination_qemu: int = 0
    stays_at_peer: bool = False
    """With --p2p the source's libvirt keeps it to itself."""


def versioned_options(options: MigrationOptions) -> Iterator[VersionedOption]:
    """Yield the options that are given and that not every version knows."""
    return (each for each in _OPTIONS if each.is_given(options))


def _field(name: str) -> _Given:
    return lambda options: options.HasField(name)  # type: ignore[arg-type]


def _flag(name: str) -> _Given:
    return lambda options: getattr(options, name)


def _method(name: str) -> _Given:
    return lambda options: name in options.compression_methods


def _tuned(*names: str) -> _Given:
    return lambda options: any(name in options.compression_settings for name in names)


# What no host is older than whose version is not known: libvirt and QEMU of 2018.
_OLD_LIBVIRT = 4_000_000
_OLD_QEMU = 2_011_000
# os-release's ID of distributions that add features to the versions they began with.
_BACKPORTING = ("rhel", "centos", "rocky", "almalinux", "ol", "sles")
_MULTIFD = 4_000_000
_MULTIFD_COMPRESSION = 5_000_000
_OPTIONS = (
    VersionedOption("--offline", _flag("offline"), 1_000_001),
    VersionedOption("--compressed", _flag("compressed"), 1_000_003, 1_003_000, 1_003_000),
    VersionedOption("--abort-on-error", _flag("abort_on_error"), 1_001_001),
    VersionedOption("--listen-address", _field("listen_address"), 1_001_004),
    VersionedOption("--auto-converge", _flag("auto_converge"), 1_002_003, 1_006_000),
    VersionedOption("--rdma-pin-all", _flag("rdma_pin_all"), 1_002_009, 2_000_000, 2_000_000),
    VersionedOption("--migrate-disks", _flag("copied_disks"), 1_002_017),
    VersionedOption("--postcopy", _flag("post_copy"), 1_003_003, 2_006_000, 2_006_000),
    VersionedOption("--disks-port", _field("disks_port"), 1_003_003),
    VersionedOption("--comp-methods", _flag("compression_methods"), 1_003_004),
    VersionedOption(
        "--comp-mt-*",
        _tuned("mt-level", "mt-threads", "mt-dthreads"),
        1_003_004,
        2_004_000,
        2_004_000,
    ),
    VersionedOption("--comp-xbzrle-cache", _tuned("xbzrle-cache"), 1_003_004),
    VersionedOption("--persistent-xml", _field("persistent_xml"), 1_003_004),
    VersionedOption(
        "--auto-converge-initial", _field("auto_converge_initial_percent"), 2_000_000, 2_005_000
    ),
    VersionedOption(
        "--auto-converge-increment", _field("auto_converge_increment_percent"), 2_000_000, 2_005_000
    ),
    VersionedOption("--tls", _flag("tls"), 3_002_000, 2_007_000, 2_007_000),
    VersionedOption(
        "--postcopy-bandwidth",
        _field("post_copy_bandwidth_bytes_per_second"),
        5_001_000,
        3_000_000,
    ),
    VersionedOption("--parallel", _flag("parallel"), 5_002_000, _MULTIFD, _MULTIFD),
    VersionedOption(
        "--parallel-connections", _field("parallel_connections"), 5_002_000, _MULTIFD, _MULTIFD
    ),
    VersionedOption("--tls-destination", _field("tls_destination"), 6_000_000, 2_007_000),
    VersionedOption("--disks-uri", _field("disks_uri"), 6_008_000),
    VersionedOption(
        "--copy-storage-synchronous-writes",
        lambda options: (
            options.storage_copy_synchronous_writes
            and options.storage_copy != StorageCopy.STORAGE_COPY_UNSPECIFIED
        ),
        8_000_000,
        3_000_000,
    ),
    VersionedOption("--zerocopy", _flag("zero_copy"), 8_005_000, 7_001_000),
    VersionedOption(
        "--postcopy-resume", _flag("post_copy_resume"), 8_005_000, 3_000_000, 3_000_000
    ),
    VersionedOption(
        "--comp-methods zlib",
        _method("zlib"),
        9_004_000,
        _MULTIFD_COMPRESSION,
        _MULTIFD_COMPRESSION,
    ),
    VersionedOption(
        "--comp-methods zstd",
        _method("zstd"),
        9_004_000,
        _MULTIFD_COMPRESSION,
        _MULTIFD_COMPRESSION,
    ),
    VersionedOption("--comp-zlib-level", _tuned("zlib-level"), 9_004_000),
    VersionedOption("--comp-zstd-level", _tuned("zstd-level"), 9_004_000),
    VersionedOption("--migrate-disks-detect-zeroes", _flag("detect_zeroes_disks"), 10_009_000),
    VersionedOption(
        "--available-switchover-bandwidth",
        _field("switchover_bandwidth_bytes_per_second"),
        11_001_000,
        8_002_000,
        stays_at_peer=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Versions:
    """What runs on one side; 0 is not known."""

    side: str
    """"source" or "destination"."""
    libvirt: int
    qemu: int
    backports: bool = False
    """Packages of the distribution may have features of newer versions."""


@reads("source.identity.os_id", "destination.identity.os_id")
def versions_of(side: str, case: Case) -> Versions:
    """Return the versions that run the VM on the source, or would on the destination."""
    if side == "source":
        backports = case.source.identity.os_id in _BACKPORTING
        return Versions(
            side, source_libvirt_version(case), source_hypervisor_version(case), backports
        )
    backports = case.destination.identity.os_id in _BACKPORTING
    return Versions(
        side, destination_libvirt_version(case), destination_hypervisor_version(case), backports
    )


def unknown_options(
    options: MigrationOptions, source: Versions, destination: Versions
) -> dict[str, Result]:
    """Return, by option, NO where a side does not know one, NO_IDEA where nobody can tell.

    PROBABLY_NO where the distribution is one that brings features into older versions.
    """
    found = {}
    for each in versioned_options(options):
        result = _judge(each, source, each.libvirt, each.source_qemu)
        if result is None and not options.offline:
            stays = each.stays_at_peer and options.peer_to_peer
            needed = 0 if stays else each.libvirt
            result = _judge(each, destination, needed, each.destination_qemu)
        if result is not None:
            found[each.name] = result
    return found


def _judge(option: VersionedOption, has: Versions, libvirt: int, qemu: int) -> Result | None:
    for program, version, needed, known_everywhere, field in (
        ("libvirt", has.libvirt, libvirt, _OLD_LIBVIRT, "libvirt_version"),
        ("QEMU", has.qemu, qemu, _OLD_QEMU, "hypervisor_version"),
    ):
        if not version and needed > known_everywhere:
            missing = f"{has.side}.hypervisor.connections.{field}"
            told = f"it needs {program} {version_text(needed)}, and the {has.side}'s version"
            return no_idea(f"{told} is not known", missing=[missing])
        if version and version < needed:
            old = f"the {has.side}'s {program} {version_text(version)} is older than"
            reason = f"{old} {version_text(needed)}, the first that knows the option"
            remedy = drop_option(option.name, f"the {has.side}'s {program} is too old for it")
            if has.backports:
                return probably_no(f"{reason} upstream", probability=0.3, remedies=[remedy])
            return no(reason, remedies=[remedy])
    return None
